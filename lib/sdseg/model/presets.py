"""Named model sizes. The architecture is the same; only widths and depths differ.

Measured (`torch.utils.flop_counter`, two operations a multiply-add), parameters in millions and GFLOP a slice:

| preset   | vision encoder | U-Net        | decoder     | whole slice |
|----------|----------------|--------------|-------------|-------------|
| sd       | 34.16 M, 272.7 | 294.97, 41.9 | 49.49, 622.2 | 936.8 |
| base     |  3.35 M,  27.2 |  73.80, 11.6 |  4.85,  61.3 | 100.1 |
| small    |  0.37 M,   0.6 |   5.52,  0.7 |  0.61,   2.0 |   3.3 |
| small256 |  0.37 M,   2.6 |   5.52,  3.5 |  0.61,   8.0 |  14.1 |
"""

from __future__ import annotations

from dataclasses import dataclass

from sdseg.errors import UnknownNameError


@dataclass(frozen=True)
class ModelPreset:
    """Sizes of one SDSeg model; images are `image_size` squared, latents an eighth of that for four levels."""

    name: str
    image_size: int
    vae_block_out_channels: tuple[int, ...]
    vae_layers_per_block: int
    vae_norm_num_groups: int
    unet_block_out_channels: tuple[int, ...]
    unet_layers_per_block: int
    unet_num_attention_heads: int
    unet_norm_num_groups: int
    unet_dropout: float
    latent_channels: int = 4

    @property
    def latent_size(self) -> int:
        """Rows = columns of a latent: the autoencoder halves the image at every level but the last."""
        return self.image_size // 2 ** (len(self.vae_block_out_channels) - 1)


_PRESETS = (
    # The paper's: Stable Diffusion's KL-f8 autoencoder and the LSUN-churches U-Net.
    ModelPreset("sd", 256, (128, 256, 512, 512), 2, 32, (192, 384, 384, 768, 768), 2, 8, 32, 0.2),
    # A fifth of its parameters and a ninth of its work, for one ordinary GPU: the same depth and attention at half the
    # U-Net's widths, and at 0.31 of the autoencoder's, whose decoder would else be two thirds of the work.
    ModelPreset("base", 256, (40, 80, 160, 160), 2, 8, (96, 192, 192, 384, 384), 2, 8, 32, 0.1),
    # What a laptop trains in an hour.
    ModelPreset("small", 128, (16, 32, 64, 64), 1, 8, (64, 128, 128), 1, 8, 16, 0.1),
    # The same widths on the paper's image size: four times the work.
    ModelPreset("small256", 256, (16, 32, 64, 64), 1, 8, (64, 128, 128), 1, 8, 16, 0.1),
    # For tests: every part is there, nothing is large.
    ModelPreset("tiny", 64, (8, 8, 16, 16), 1, 4, (16, 16, 32), 1, 2, 4, 0.1),
)
PRESETS: dict[str, ModelPreset] = {preset.name: preset for preset in _PRESETS}


def get_preset(name: str) -> ModelPreset:
    """Return the preset called `name`.

    Raises:
        UnknownNameError: there is none; the message lists those there are.
    """
    if name not in PRESETS:
        raise UnknownNameError(f"There is no model preset '{name}'; choose one of: {', '.join(PRESETS)}.")
    return PRESETS[name]
