"""The trainable vision encoder: a copy of the autoencoder's encoder and a 1x1 convolution of its own."""

from __future__ import annotations

import torch
from diffusers import AutoencoderKL
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.autoencoders.vae import Encoder
from diffusers.models.modeling_utils import ModelMixin


class VisionEncoder(ModelMixin, ConfigMixin):
    """Maps an image to the latent the U-Net is conditioned on: no sampling, no scaling, no noise.

    Args:
        block_out_channels: as in the autoencoder it starts from.
        layers_per_block: as in the autoencoder.
        norm_num_groups: as in the autoencoder.
        latent_channels: channels of the latent (4).
    """

    _supports_gradient_checkpointing = True

    @register_to_config
    def __init__(
        self,
        block_out_channels: tuple[int, ...] = (128, 256, 512, 512),
        layers_per_block: int = 2,
        norm_num_groups: int = 32,
        latent_channels: int = 4,
    ) -> None:
        super().__init__()
        self.encoder = Encoder(
            in_channels=3,
            out_channels=latent_channels,
            down_block_types=("DownEncoderBlock2D",) * len(block_out_channels),
            block_out_channels=tuple(block_out_channels),
            layers_per_block=layers_per_block,
            norm_num_groups=norm_num_groups,
            double_z=True,
        )
        self.projection = torch.nn.Conv2d(2 * latent_channels, latent_channels, kernel_size=1)

    @classmethod
    def from_autoencoder(cls, vae: AutoencoderKL, frozen: bool = False) -> VisionEncoder:
        """Start from the weights of `vae`'s encoder.

        Args:
            vae: the frozen autoencoder.
            frozen: for the ablation without a trainable encoder: the projection copies the half of `vae.quant_conv`
                that gives the mean, so that the output is the (unscaled) mean of E(image), and nothing asks for
                gradients. Otherwise the projection starts at random, as in the authors' code.

        Raises:
            ValueError: it is to be frozen, and the autoencoder has no `quant_conv`.
        """
        encoder = cls(
            block_out_channels=tuple(vae.config.block_out_channels),
            layers_per_block=vae.config.layers_per_block,
            norm_num_groups=vae.config.norm_num_groups,
            latent_channels=vae.config.latent_channels,
        )
        encoder.encoder.load_state_dict(vae.encoder.state_dict())
        if frozen:
            if vae.quant_conv is None:
                raise ValueError("an autoencoder without quant_conv gives no mean that a frozen encoder could copy")
            halved = {name: tensor[: len(tensor) // 2] for name, tensor in vae.quant_conv.state_dict().items()}
            encoder.projection.load_state_dict(halved)
            encoder.requires_grad_(False)
        return encoder

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """(batch, 3, rows, columns) in [-1, 1] -> (batch, 4, rows / 8, columns / 8)."""
        return self.projection(self.encoder(image))
