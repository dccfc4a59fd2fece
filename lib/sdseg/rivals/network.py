"""A network of MONAI as a component of a diffusers pipeline: saved, loaded and moved like SDSeg's own."""

from __future__ import annotations

from typing import Any

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin

from sdseg.errors import InputError, UnknownNameError
from sdseg.rivals.architectures import RIVALS, Architecture


class MonaiNetwork(ModelMixin, ConfigMixin):
    """What the two kinds of networks share.

    Args:
        architecture: a name in `RIVALS`.
        image_size: rows = columns.
        classes: with the background; None for a binary model.
        options: of the architecture, all of them; see `complete_options`.

    Raises:
        UnknownNameError: there is no such architecture.
        InputError: the image size or an option does not suit it.
    """

    diffuses = False  # takes a noisy mask beside the image

    @register_to_config
    def __init__(
        self, architecture: str, image_size: int, classes: int | None = None, options: dict[str, Any] | None = None
    ) -> None:
        super().__init__()
        chosen = find_rival(architecture)
        if chosen.diffuses != self.diffuses:
            raise InputError(f"{architecture} cannot be a {type(self).__name__}; use build_rival.")
        _check_size(chosen, image_size)
        if classes is not None and classes < 2:
            raise InputError(f"A model of several classes has at least 2 with the background, not {classes}.")
        out_channels = classes or 1
        options = complete_options(chosen, image_size, **(options or {}))
        in_channels = 3 + (out_channels if self.diffuses else 0)
        try:
            self.network = chosen.build(image_size, in_channels, out_channels, options)
        except (ValueError, TypeError, AssertionError, NotImplementedError) as error:  # as MONAI refuses an option
            told = " ".join(str(error).split())
            raise InputError(f"{architecture} cannot be built with {options} ({told}); mend its options.") from error


class RivalNetwork(MonaiNetwork):
    """Image in, logits out."""

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """(batch, 3, rows, columns) in [-1, 1] -> (batch, 1 or classes, rows, columns) logits."""
        return self.heads(image)[:, 0]

    def heads(self, image: torch.Tensor) -> torch.Tensor:
        """(batch, heads, 1 or classes, rows, columns) logits; in training, with supervised levels, several heads."""
        logits = self.network(image)
        return logits if logits.ndim == 5 else logits.unsqueeze(1)


class DenoisingNetwork(MonaiNetwork):
    """Image and noisy mask in, noise or mask out."""

    diffuses = True

    def forward(self, image: torch.Tensor, noisy: torch.Tensor, timesteps: torch.Tensor) -> torch.Tensor:
        """Predict what the scheduler's `prediction_type` says.

        Args:
            image: (batch, 3, rows, columns) in [-1, 1].
            noisy: (batch, 1 or classes, rows, columns), masks in [-1, 1] and noise.
            timesteps: (batch,).

        Returns:
            The shape of `noisy`.
        """
        return self.network(torch.cat([image, noisy], dim=1), timesteps)


def find_rival(name: str) -> Architecture:
    """The rival called `name`.

    Raises:
        UnknownNameError: there is none; the message lists those there are.
    """
    if name not in RIVALS:
        raise UnknownNameError(f"There is no rival '{name}'; choose one of: {', '.join(RIVALS)}.")
    return RIVALS[name]


def complete_options(rival: Architecture, image_size: int, preset: str = "standard", **options: Any) -> dict[str, Any]:
    """All options of a rival: those of a preset, replaced by the given ones.

    Raises:
        UnknownNameError: there is no such preset.
        InputError: an option is not among the rival's.
    """
    if preset not in rival.presets:
        raise UnknownNameError(f"{rival.name} has no preset '{preset}'; choose one of: {', '.join(rival.presets)}.")
    complete = rival.presets[preset](image_size)
    unknown = sorted(options.keys() - complete.keys())
    if unknown:
        raise InputError(f"{rival.name} has no option {', '.join(unknown)}; its options are: {', '.join(complete)}.")
    return {**complete, **options}


def _check_size(rival: Architecture, image_size: int) -> None:
    if image_size % rival.multiple or image_size < 2 * rival.multiple:
        raise InputError(
            f"{rival.name} needs images of a multiple of {rival.multiple} pixels, at least {2 * rival.multiple}, "
            f"not {image_size}."
        )
