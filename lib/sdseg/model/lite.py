"""Lite parts beside the networks of a weights folder: found, loaded strictly, put into a pipeline."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch
from diffusers.utils import logging as diffusers_logging
from safetensors import SafetensorError, safe_open

from sdseg.errors import InputError, WeightsError
from sdseg.model.kinds import NETWORK_FILE, lite_folder
from sdseg.model.lite_networks import LiteDecoder, LiteEncoder
from sdseg.model.lite_unet import LiteUNet
from sdseg.model.pipeline import SDSegPipeline

__all__ = [
    "FULL",
    "LITE",
    "LITE_CLASSES",
    "LiteDecoder",
    "LiteEncoder",
    "LiteUNet",
    "load_lite",
    "new_lite",
    "with_lite",
    "with_parts",
]

FULL, LITE = _CHOICES = ("full", "lite")
LITE_CLASSES: dict[str, type[Any]] = {"decoder": LiteDecoder, "encoder": LiteEncoder, "unet": LiteUNet}
_PLACES = {"decoder": "vae", "encoder": "vision_encoder", "unet": "unet"}  # in a pipeline
Part = TypeVar("Part", LiteDecoder, LiteEncoder, LiteUNet)


def with_lite(
    pipeline: SDSegPipeline, weights_folder: Path, decoder: str = FULL, encoder: str = FULL, unet: str = FULL
) -> SDSegPipeline:
    """The pipeline of `weights_folder` with lite parts where `decoder`, `encoder` and `unet` are "lite".

    `pipeline` is changed in place and returned; an engine takes it over afterwards (`speed_up`).

    Raises:
        InputError: a choice that there is not, or the model is no SDSeg.
        WeightsError: the folder has no such part, or a damaged or another model's one.
    """
    choices = {"decoder": decoder, "encoder": encoder, "unet": unet}
    for name, choice in choices.items():
        if choice not in _CHOICES:
            raise InputError(f"There is no {name} {choice[:80]!r}; choose one of: {', '.join(_CHOICES)}.")
    wanted = [name for name, choice in choices.items() if choice == LITE]
    if wanted and not isinstance(pipeline, SDSegPipeline):
        raise InputError(f"The model in {weights_folder} has no autoencoder, so nothing of it can be lite; use full.")
    found = {name: _fitting(name, pipeline, weights_folder) for name in wanted}
    return with_parts(pipeline, found)


def with_parts(pipeline: SDSegPipeline, parts: Mapping[str, Any]) -> SDSegPipeline:
    """`pipeline` with lite parts, by their names decoder, encoder and unet, in the places of its own."""
    pipeline.register_modules(**{_PLACES[name]: part for name, part in parts.items()})
    return pipeline


def new_lite(name: str, pipeline: SDSegPipeline) -> Any:
    """A lite decoder, encoder or U-Net with random weights, of a size that suits the model's, on the CPU."""
    if name == "unet":
        return LiteUNet.like(pipeline.unet, pipeline.scheduler.config.prediction_type)
    return LITE_CLASSES[name].like(pipeline.vae)


def load_lite(weights_folder: Path, name: str, part_class: type[Part]) -> Part:
    """The lite part in the sub-folder `name`, in float32 on the CPU, for inference.

    Raises:
        WeightsError: there is none, or it is damaged.
    """
    folder = weights_folder / name
    if not (folder / NETWORK_FILE).is_file():
        what = name.removeprefix("lite_")
        raise WeightsError(
            f"The weights in {weights_folder} have no lite {what}; make one with "
            f"`sdseg distill {weights_folder} -o OUTPUT --data FOLDER --parts {what}`, or choose --{what} full."
        )
    diffusers_logging.set_verbosity_error()
    try:
        part = part_class.from_pretrained(
            folder, dtype=torch.float32, low_cpu_mem_usage=False, use_safetensors=True, disable_mmap=True
        )
        with safe_open(folder / NETWORK_FILE, framework="pt") as file:
            odd = sorted(set(file.keys()) ^ part.state_dict().keys())
    except (OSError, ValueError, TypeError, RuntimeError, SafetensorError) as error:
        raise WeightsError(f"The lite part in {folder} cannot be loaded ({error}); restore or distil it.") from error
    if odd:
        raise WeightsError(f"The lite part in {folder} lacks or has beyond its configuration {odd[0]}; restore it.")
    return part.eval().requires_grad_(False)


def _fitting(name: str, pipeline: SDSegPipeline, folder: Path) -> Any:
    """The lite part of that name on the pipeline's device. Raises WeightsError: it was made for another model."""
    part = load_lite(folder, lite_folder(name), LITE_CLASSES[name]).to(pipeline.device)
    if not _FIT[name](part.config, pipeline):
        other = "autoencoder" if name == "decoder" else "model"
        raise WeightsError(f"The lite {name} in {folder} was made for another {other}; distil it anew.")
    return part


def _decoder_fits(ours: Any, pipeline: SDSegPipeline) -> bool:
    theirs = pipeline.vae.config
    told = (ours.latent_channels, len(ours.block_out_channels), ours.scaling_factor)
    return told == (theirs.latent_channels, len(theirs.block_out_channels), theirs.scaling_factor)


def _encoder_fits(ours: Any, pipeline: SDSegPipeline) -> bool:
    theirs = pipeline.vae.config
    shrink = 2 ** (len(theirs.block_out_channels) - 1)
    return (ours.shrink, ours.latent_channels) == (shrink, theirs.latent_channels)


def _unet_fits(ours: Any, pipeline: SDSegPipeline) -> bool:
    theirs, predicted = pipeline.unet.config, pipeline.scheduler.config.prediction_type
    told = (ours.sample_size, ours.out_channels, ours.num_class_embeds, ours.prediction_type)
    return told == (theirs.sample_size, theirs.out_channels, theirs.num_class_embeds, predicted)


_FIT: dict[str, Callable[[Any, SDSegPipeline], bool]] = {
    "decoder": _decoder_fits,
    "encoder": _encoder_fits,
    "unet": _unet_fits,
}
