"""The networks of a pipeline as an engine runs them: float32 goes in and comes out, whatever lies between.

The three stand where a `SDSegPipeline` has its networks and answer the same calls, so that there is one pipeline.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from sdseg.errors import InputError
from sdseg.model.lite_unet import LiteUNet, prediction_of

Run = Callable[..., torch.Tensor]
"""A network in evaluation mode, from float32 (batch, channels, rows, columns), and for a class-conditional U-Net the
class ids, (batch,), to float32 (batch, channels, rows, columns)."""


@dataclass(frozen=True)
class Decoded:
    """What `AutoencoderKL.decode` returns: `sample`, (batch, 3, rows, columns)."""

    sample: torch.Tensor


class Part(torch.nn.Module):
    """A network that is run by `run`.

    Args:
        run: how.
        config: the configuration of the network it stands for.
        device: where tensors have to be.
        at_a_time: how many of a batch are run together; large activations fall out of the processor's caches.
        any_size: whether it takes parts of slices as well as whole ones.
    """

    def __init__(
        self, run: Run, config: Any, device: torch.device, at_a_time: int | None, any_size: bool = False
    ) -> None:
        super().__init__()
        self.any_size = any_size
        self._run, self.config, self.device, self._at_a_time = run, config, device, at_a_time

    @property
    def dtype(self) -> torch.dtype:
        return torch.float32

    @property
    def divides_batches(self) -> bool:
        """Whether it takes batches of any size as well as small ones."""
        return self._at_a_time is not None

    def run(self, batch: torch.Tensor) -> torch.Tensor:
        parts = batch.split(self._at_a_time) if self._at_a_time else (batch,)
        return torch.cat([self._run(part) for part in parts]) if len(parts) > 1 else self._run(batch)


class FastEncoder(Part):
    """In the place of a `VisionEncoder`."""

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """(batch, 3, rows, columns) -> (batch, 4, rows / 8, columns / 8)."""
        return self.run(image)


class FastDecoder(Part):
    """In the place of an `AutoencoderKL`, decoding only."""

    def decode(self, latent: torch.Tensor) -> Decoded:
        """(batch, 4, rows / 8, columns / 8) -> (batch, 3, rows, columns)."""
        return Decoded(self.run(latent))


class FastUNet(Part):
    """In the place of a `DenoisingUNet` or `CrossAttentionUNet`, at one timestep."""

    def __init__(self, run: Run, config: Any, device: torch.device, timestep: int, any_size: bool = False) -> None:
        super().__init__(run, config, device, None, any_size)
        self._timestep = timestep

    def forward(
        self, sample: torch.Tensor, timestep: torch.Tensor, class_labels: torch.Tensor | None = None
    ) -> torch.Tensor:
        """(batch, 8, rows, columns) -> (batch, 4, rows, columns).

        Raises:
            InputError: it is asked for another timestep, as more than one reverse step does.
            ValueError: classes are told to a binary one, or not told to another.
        """
        if bool((timestep != self._timestep).any()):
            raise InputError("An engine makes the single reverse step only; choose the engine plain for more steps.")
        if (class_labels is None) != (self.config.num_class_embeds is None):
            raise ValueError(f"class labels {class_labels} for {self.config.num_class_embeds} classes")
        return self._run(sample) if class_labels is None else self._run(sample, class_labels)


class FastLiteUNet(FastUNet):
    """In the place of a `LiteUNet`: what `run` gives is its estimate, in any precision."""

    def forward(
        self, sample: torch.Tensor, timestep: torch.Tensor, class_labels: torch.Tensor | None = None
    ) -> torch.Tensor:
        """As of a `FastUNet`, the prediction made of the estimate in float32."""
        return prediction_of(self.config, sample, super().forward(sample, timestep, class_labels))


class Decoding(torch.nn.Module):
    """The decoding half of an autoencoder, or a lite decoder, as one network from a latent to an image."""

    def __init__(self, vae: Any) -> None:
        super().__init__()
        self.is_lite = not hasattr(vae, "post_quant_conv")
        if self.is_lite:
            self.decoder = vae
        else:  # not the encoder: it is no part of the work, and would be converted for nothing
            self.post_quant_conv, self.decoder = vae.post_quant_conv, vae.decoder

    def forward(self, latent: torch.Tensor) -> torch.Tensor:
        if self.is_lite:
            return self.decoder.decode(latent).sample
        return self.decoder(latent if self.post_quant_conv is None else self.post_quant_conv(latent))


class Estimating(torch.nn.Module):
    """A lite U-Net as a network to its estimate, of one input, or two where it is class-conditional."""

    def __init__(self, unet: LiteUNet) -> None:
        super().__init__()
        self.unet = unet

    def forward(self, sample: torch.Tensor, class_labels: torch.Tensor | None = None) -> torch.Tensor:
        return self.unet.estimate(sample, class_labels)


class AtTimestep(torch.nn.Module):
    """A U-Net at one timestep as a network of one input, or two where it is class-conditional."""

    def __init__(self, unet: torch.nn.Module, timestep: int) -> None:
        super().__init__()
        self.unet, self.timestep = unet, timestep

    def forward(self, sample: torch.Tensor, class_labels: torch.Tensor | None = None) -> torch.Tensor:
        timesteps = torch.full((sample.shape[0],), self.timestep, device=sample.device)
        return self.unet(sample, timesteps, class_labels)
