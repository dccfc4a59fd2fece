"""Lite parts beside the networks of a weights folder: found, loaded strictly, put into a pipeline."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import torch
from diffusers.utils import logging as diffusers_logging
from safetensors import SafetensorError, safe_open

from sdseg.errors import InputError, WeightsError
from sdseg.model.kinds import LITE_DECODER, LITE_ENCODER, NETWORK_FILE
from sdseg.model.lite_networks import LiteDecoder, LiteEncoder
from sdseg.model.pipeline import SDSegPipeline

__all__ = ["CHOICES", "FULL", "LITE", "LiteDecoder", "LiteEncoder", "load_lite", "with_lite"]

FULL, LITE = CHOICES = ("full", "lite")
Part = TypeVar("Part", LiteDecoder, LiteEncoder)


def with_lite(pipeline: SDSegPipeline, weights_folder: Path, decoder: str = FULL, encoder: str = FULL) -> SDSegPipeline:
    """The pipeline of `weights_folder` with lite parts where `decoder` and `encoder` are "lite".

    `pipeline` is changed in place and returned; an engine takes it over afterwards (`speed_up`).

    Raises:
        InputError: a choice that there is not, or the model is no SDSeg.
        WeightsError: the folder has no such part, or a damaged or another model's one.
    """
    for name, choice in (("decoder", decoder), ("encoder", encoder)):
        if choice not in CHOICES:
            raise InputError(f"There is no {name} {choice[:80]!r}; choose one of: {', '.join(CHOICES)}.")
    if LITE not in (decoder, encoder):
        return pipeline
    if not isinstance(pipeline, SDSegPipeline):
        raise InputError(f"The model in {weights_folder} has no autoencoder, so nothing of it can be lite; use full.")
    if decoder == LITE:
        found = load_lite(weights_folder, LITE_DECODER, LiteDecoder).to(pipeline.device)
        _check_decoder(found, pipeline, weights_folder)
        pipeline.register_modules(vae=found)
    if encoder == LITE:
        pipeline.register_modules(vision_encoder=_encoder_for(pipeline, weights_folder))
    return pipeline


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
            f"`sdseg distill {weights_folder} -o OUTPUT --data FOLDER`, or choose --{what} full."
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


def _check_decoder(found: LiteDecoder, pipeline: SDSegPipeline, folder: Path) -> None:
    ours, theirs = found.config, pipeline.vae.config
    told = (ours.latent_channels, len(ours.block_out_channels), ours.scaling_factor)
    if told != (theirs.latent_channels, len(theirs.block_out_channels), theirs.scaling_factor):
        raise WeightsError(f"The lite decoder in {folder} was made for another autoencoder; distil it anew.")


def _encoder_for(pipeline: SDSegPipeline, folder: Path) -> LiteEncoder:
    found = load_lite(folder, LITE_ENCODER, LiteEncoder).to(pipeline.device)
    shrink = 2 ** (len(pipeline.vae.config.block_out_channels) - 1)
    if (found.config.shrink, found.config.latent_channels) != (shrink, pipeline.vae.config.latent_channels):
        raise WeightsError(f"The lite encoder in {folder} was made for another model; distil it anew.")
    return found
