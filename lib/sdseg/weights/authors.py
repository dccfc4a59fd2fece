"""The authors' trained SDSeg checkpoints (PyTorch Lightning, about 5 GB) as a pipeline."""

from __future__ import annotations

from typing import Any

import torch

from sdseg.errors import WeightsError
from sdseg.model.presets import ModelPreset
from sdseg.model.schedule import make_scheduler
from sdseg.weights.account import check_complete
from sdseg.weights.assemble import Imported, Skeleton
from sdseg.weights.checkpoint import Checkpoint
from sdseg.weights.layout import Place, Tensors, shapes, to_ours
from sdseg.weights.naming import FIRST_STAGE, UNET, autoencoder_places, ema_name, unet_places, vision_encoder_places
from sdseg.weights.note import preset_of_note
from sdseg.weights.sizes import autoencoder_sizes, complete, unet_shape

SCALE = "scale_factor"
EMA_UPDATES = "model_ema.num_updates"


def import_authors(checkpoint: Checkpoint, heads: int | None = None, image_size: int | None = None) -> Imported:
    """Convert an SDSeg checkpoint: EMA U-Net, vision encoder, autoencoder and scale factor.

    The U-Net as it was at the last step, the noise schedule, counters and optimiser state are dropped. Without an EMA
    the U-Net of the last step is taken.

    Args:
        checkpoint: read by `read_checkpoint`.
        heads: of the U-Net's attention, which no shape tells; default 8, the authors'.
        image_size: rows = columns of an image; default 256, the authors'.

    Raises:
        WeightsError: tensors are missing, left over or of another shape; or the noise schedule is another.
    """
    tensors, source = checkpoint.tensors, checkpoint.source
    shape = unet_shape(tensors, UNET, source)
    preset = preset_of_note(checkpoint.note, heads, image_size) or complete(
        autoencoder_sizes(tensors, FIRST_STAGE, source) | shape.sizes, heads, image_size
    )
    skeleton = Skeleton.of(preset, shape.classes)
    places = _places(skeleton, preset)
    last_step = dict.fromkeys((place.name for place in places["unet"].values()), "U-Net of the last step")
    has_ema = any(ema_name(name) in tensors for name in last_step)
    if has_ema:
        places["unet"] = {key: _in_ema(place) for key, place in places["unet"].items()}
    dropped = check_complete(source, tensors, _expected(skeleton, places), last_step if has_ema else {})
    _check_schedule(tensors, source)
    ours = {part: to_ours(of_part, tensors, preset.unet_num_attention_heads) for part, of_part in places.items()}
    pipeline = skeleton.fill(**ours, scaling_factor=float(tensors[SCALE]))
    return Imported(pipeline, preset, _facts(checkpoint, has_ema, dropped), checkpoint.note)


def _places(skeleton: Skeleton, preset: ModelPreset) -> dict[str, dict[str, Place]]:
    """Of each of our networks."""
    levels = len(preset.vae_block_out_channels)
    return {
        "vae": autoencoder_places(skeleton.vae.state_dict(), levels),
        "vision_encoder": vision_encoder_places(skeleton.vision_encoder.state_dict(), levels),
        "unet": unet_places(skeleton.unet.state_dict(), preset.unet_layers_per_block),
    }


def _in_ema(place: Place) -> Place:
    return Place(ema_name(place.name), place.part, place.axes)


def _expected(skeleton: Skeleton, places: dict[str, dict[str, Place]]) -> dict[str, tuple[int, ...]]:
    """Name -> shape of every tensor that is used."""
    expected: dict[str, tuple[int, ...]] = {SCALE: ()}
    for part, of_part in places.items():
        expected |= shapes(of_part, getattr(skeleton, part).state_dict())
    return expected


def _check_schedule(tensors: Tensors, source: str) -> None:
    """A model trained on other noise levels would load and be wrong."""
    betas = tensors.get("betas")
    ours = make_scheduler().betas
    if betas is not None and (betas.shape != ours.shape or not torch.allclose(betas.float(), ours, atol=1e-6, rtol=0)):
        raise WeightsError(f"{source} was trained on another noise schedule than SDSeg's, which is not supported.")


def _facts(checkpoint: Checkpoint, has_ema: bool, dropped: dict[str, int]) -> dict[str, Any]:
    updates = checkpoint.tensors.get(EMA_UPDATES)
    return {
        "imported_from": checkpoint.source,
        "unet_weights": "EMA" if has_ema else "last step",
        **checkpoint.facts,
        **({} if updates is None else {"ema_updates": int(updates)}),
        "dropped": {**dropped, **dict.fromkeys(checkpoint.others, 1)},
    }
