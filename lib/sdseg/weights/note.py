"""What our own exports say beside the tensors, so that they come back without options."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import Any

from sdseg.errors import WeightsError
from sdseg.model.card import ModelCard
from sdseg.model.pipeline import SDSegPipeline
from sdseg.model.presets import ModelPreset
from sdseg.weights.sizes import named, settle


def note_of(pipeline: SDSegPipeline, card: ModelCard) -> dict[str, Any]:
    """Sizes and card as plain values for JSON."""
    return {"preset": asdict(sizes_of(pipeline)), "card": card.to_dict()}


def card_of_note(note: dict[str, Any]) -> ModelCard | None:
    """The card a note holds, or None where there is no note.

    Raises:
        WeightsError: the note is damaged.
    """
    if not note:
        return None
    try:
        return ModelCard.from_dict(note["card"])
    except (KeyError, TypeError) as error:
        raise WeightsError(f"The note in the checkpoint is damaged ({error!r}); export it again.") from error


def preset_of_note(note: dict[str, Any], heads: int | None, image_size: int | None) -> ModelPreset | None:
    """The sizes a note names, or None where there is no note; heads and image size may be overruled.

    Raises:
        WeightsError: the note is damaged.
    """
    if not note:
        return None
    try:
        told = {part.name: note["preset"][part.name] for part in fields(ModelPreset)}
        values: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in told.items()}
        preset = ModelPreset(**values)
    except (KeyError, TypeError) as error:
        raise WeightsError(f"The note in the checkpoint is damaged ({error!r}); export it again.") from error
    return settle(preset, heads, image_size)


def sizes_of(pipeline: SDSegPipeline) -> ModelPreset:
    """The sizes of a pipeline, under a preset's name or "custom"."""
    vae, unet = pipeline.vae.config, pipeline.unet.config
    preset = ModelPreset(
        name="",
        image_size=pipeline.image_size,
        vae_block_out_channels=tuple(vae.block_out_channels),
        vae_layers_per_block=vae.layers_per_block,
        vae_norm_num_groups=vae.norm_num_groups,
        unet_block_out_channels=tuple(unet.block_out_channels),
        unet_layers_per_block=unet.layers_per_block,
        unet_num_attention_heads=unet.num_attention_heads,
        unet_norm_num_groups=unet.norm_num_groups,
        unet_dropout=unet.dropout,
        latent_channels=vae.latent_channels,
    )
    return named(preset)
