"""The architecture of a checkpoint, from the names and shapes of its tensors."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any

from sdseg.errors import WeightsError
from sdseg.model.presets import PRESETS, ModelPreset
from sdseg.weights.layout import Tensors

CUSTOM = "custom"
# The authors' values of what shapes do not tell.
GROUPS = 32
_UNTOLD: dict[str, Any] = {
    "image_size": 256,
    "vae_norm_num_groups": GROUPS,
    "unet_num_attention_heads": 8,
    "unet_norm_num_groups": GROUPS,
    "unet_dropout": 0.2,
}


@dataclass(frozen=True)
class UNetShape:
    """What the tensors of a U-Net tell: sizes by their name in `ModelPreset`, input channels, classes (None: one)."""

    sizes: dict[str, Any]
    in_channels: int
    classes: int | None


def autoencoder_sizes(tensors: Tensors, prefix: str, source: str) -> dict[str, Any]:
    """Sizes of the autoencoder whose tensors begin with `prefix`, by their name in `ModelPreset`.

    Raises:
        WeightsError: there is none.
    """
    first = [
        f"{prefix}encoder.down.{level}.block.0.conv1.weight" for level in _numbers(tensors, prefix + "encoder.down.")
    ]
    latent = tensors.get(prefix + "post_quant_conv.weight")
    if not first or latent is None or any(name not in tensors for name in first):
        raise WeightsError(f"{source} holds no autoencoder of Stable Diffusion's kind; give another checkpoint.")
    return {
        "vae_block_out_channels": tuple(tensors[name].shape[0] for name in first),
        "vae_layers_per_block": len(_numbers(tensors, prefix + "encoder.down.0.block.")),
        "latent_channels": latent.shape[0],
    }


def unet_shape(tensors: Tensors, prefix: str, source: str) -> UNetShape:
    """Sizes of the U-Net whose tensors begin with `prefix`.

    Input blocks with attention belong to all levels but the deepest, so the first one without, the first level's
    down-sampler, tells the residual blocks a level, and all those without the number of levels.

    Raises:
        WeightsError: there is none, or it is not of this kind.
    """
    blocks = _numbers(tensors, prefix + "input_blocks.")
    bare = [block for block in blocks if f"{prefix}input_blocks.{block}.1.qkv.weight" not in tensors]
    layers = bare[1] - 1 if len(bare) > 1 else 0
    levels = len(bare) - layers
    # The first convolution of every level.
    first = [f"{prefix}input_blocks.{1 + level * (layers + 1)}.0.out_layers.3.weight" for level in range(levels)]
    entry = tensors.get(prefix + "input_blocks.0.0.weight")
    if entry is None or layers < 1 or levels < 2 or any(name not in tensors for name in first):
        raise WeightsError(f"{source} holds no U-Net of SDSeg's kind; give another checkpoint.")
    embedding = tensors.get(prefix + "label_emb.weight")
    sizes = {
        "unet_block_out_channels": tuple(tensors[name].shape[0] for name in first),
        "unet_layers_per_block": layers,
    }
    return UNetShape(sizes, entry.shape[1], None if embedding is None else embedding.shape[0])


def matching_preset(sizes: dict[str, Any]) -> ModelPreset | None:
    """The first preset with these sizes."""
    return next((preset for preset in PRESETS.values() if all(asdict(preset)[k] == v for k, v in sizes.items())), None)


def complete(sizes: dict[str, Any], heads: int | None = None, image_size: int | None = None) -> ModelPreset:
    """A whole preset from the sizes that tensors tell.

    What they do not tell (heads, groups, dropout, image size) is the matching preset's, or else the authors'.

    Raises:
        WeightsError: the sizes cannot be built.
    """
    return settle(matching_preset(sizes) or ModelPreset(name=CUSTOM, **sizes, **_UNTOLD), heads, image_size)


def settle(preset: ModelPreset, heads: int | None, image_size: int | None) -> ModelPreset:
    """The preset with other heads and image size, where given, under the name that fits.

    Raises:
        WeightsError: the sizes cannot be built.
    """
    heads, image_size = heads or preset.unet_num_attention_heads, image_size or preset.image_size
    return check_sizes(named(replace(preset, unet_num_attention_heads=heads, image_size=image_size)))


def named(preset: ModelPreset) -> ModelPreset:
    """The same sizes under the name of the preset that has all of them, or "custom"."""
    equal = (known for known in PRESETS.values() if replace(preset, name=known.name) == known)
    return next(equal, replace(preset, name=CUSTOM))


def untold(preset: ModelPreset) -> tuple[str, ...]:
    """What tensors cannot tell of these sizes, by its name in `Choices`: the more, the less a preset settles it."""
    if preset.name == CUSTOM:
        return ("heads", "image_size")
    alike = [known for known in PRESETS.values() if _but_for_images(known) == _but_for_images(preset)]
    return ("image_size",) if len(alike) > 1 else ()


def _but_for_images(preset: ModelPreset) -> ModelPreset:
    return replace(preset, name="", image_size=0)


def check_sizes(preset: ModelPreset) -> ModelPreset:
    """The preset itself.

    Raises:
        WeightsError: widths cannot be divided as the preset says, or the image is too small.
    """
    heads, widths = preset.unet_num_attention_heads, preset.unet_block_out_channels
    if heads < 1 or any(width % heads for width in widths):
        raise WeightsError(
            f"U-Net levels of {widths} channels cannot be split into {heads} heads; choose with --heads."
        )
    shrink = 2 ** (len(preset.vae_block_out_channels) + len(widths) - 2)
    if preset.image_size < shrink or preset.image_size % shrink:
        raise WeightsError(f"The image size must be a multiple of {shrink}, not {preset.image_size}.")
    for groups, channels in (
        (preset.vae_norm_num_groups, preset.vae_block_out_channels),
        (preset.unet_norm_num_groups, widths),
    ):
        if any(width % groups for width in channels):
            raise WeightsError(
                f"Levels of {channels} channels do not fit {groups} groups, which the authors' models use."
            )
    return preset


def _numbers(tensors: Iterable[str], prefix: str) -> list[int]:
    """The numbers that follow `prefix` in names, in order."""
    pattern = re.compile(re.escape(prefix) + r"(\d+)\.")
    return sorted({int(found[1]) for found in map(pattern.match, tensors) if found})
