"""In which precision each network runs beside a decoder in int8: the cheapest that keeps the masks."""

from __future__ import annotations

import logging
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

import torch

from sdseg.engines.bf16 import has_bf16
from sdseg.engines.choice_probe import dice_of
from sdseg.engines.openvino_run import run_model, to_openvino
from sdseg.engines.parts import FastDecoder, FastEncoder, Run
from sdseg.engines.quantising import Quantised, quantise
from sdseg.engines.torch_run import prepare, torch_run
from sdseg.errors import NotCalibratedError
from sdseg.model.lite_unet import LiteUNet
from sdseg.model.pipeline import SDSegPipeline

log = logging.getLogger(__name__)
CLEARLY = 0.998  # agreement from which a precision is kept: other slices than those compared may agree less
_COMPARED, _AT_A_TIME = 16, 4


@dataclass(frozen=True)
class Int8Runs:
    """What runs the encoder and the decoder, and the precision that the U-Net may have, see `torch_run`."""

    encoder: Run
    decoder: Run
    unet: str


def choose_precisions(
    pipeline: SDSegPipeline, decoder: torch.nn.Module, slices: torch.Tensor, least_dice: float
) -> tuple[Quantised, float]:
    """The decoder in int8, encoder and U-Net in the cheapest precisions that the masks bear, for their errors are
    amplified; and the Dice with the plain masks, 0 where nothing was compared because `least_dice` is.

    Arguments and errors as for `quantised_runs`.
    """
    seen, compared = slices[::2], (slices[1::2] if len(slices) > 1 else slices)[:_COMPARED]
    latents = torch.cat([_mask_latents(pipeline, batch) for batch in seen.split(_AT_A_TIME)])
    encoder, made = pipeline.vision_encoder, Quantised(quantise(decoder, latents), None, "fp32")
    lower = "convolutions" if has_bf16() and not isinstance(pipeline.unet, LiteUNet) else made.unet
    if not least_dice:
        return replace(made, encoder=quantise(encoder, seen), unet=lower), 0.0
    expected, dice = _masks(pipeline, compared), 0.0
    encoders: tuple[Callable[[], Any], ...] = (
        lambda: quantise(encoder, seen),
        lambda: to_openvino(encoder, (seen[:1],)),
        lambda: None,  # PyTorch's, whose residual stream stays float32
    )
    for make in encoders:
        made = replace(made, encoder=make())
        dice = _agreement(pipeline, made, compared, expected)
        if dice >= CLEARLY:
            break
    if dice < least_dice:
        raise NotCalibratedError(
            f"In int8 the masks of these weights agree with those in float32 at a Dice of {dice:.4f}, below "
            f"{least_dice}; choose an exact engine, or calibrate with more slices of the kind that is segmented."
        )
    if dice >= CLEARLY and lower != made.unet:
        found = _agreement(pipeline, replace(made, unet=lower), compared, expected)
        if found >= CLEARLY:
            made, dice = replace(made, unet=lower), found
    log.info("The quantised model's masks agree with those in float32 at a Dice of %.4f.", dice)
    return made, dice


def _mask_latents(pipeline: SDSegPipeline, slices: torch.Tensor) -> torch.Tensor:
    """(slices, 4, latent rows, latent columns), one a slice, as the decoder takes them; the classes in turn."""
    latent, noise = pipeline.encode(slices), pipeline.draw_noise(0)
    ids = None if pipeline.classes is None else torch.arange(len(slices)) % pipeline.classes
    return pipeline.estimate_mask_latent(latent, noise, ids) / pipeline.vae.config.scaling_factor


def _agreement(pipeline: SDSegPipeline, made: Quantised, slices: torch.Tensor, expected: torch.Tensor) -> float:
    make: Any = SDSegPipeline
    runs, unet = runs_of(made, pipeline.vision_encoder), pipeline.unet
    if made.unet != "fp32":
        unet = prepare(deepcopy(unet), pipeline.device, made.unet)
    encoder = FastEncoder(runs.encoder, pipeline.vision_encoder.config, pipeline.device, 1)
    decoder = FastDecoder(runs.decoder, pipeline.vae.config, pipeline.device, 1)
    return dice_of(_masks(make(decoder, encoder, unet, pipeline.scheduler), slices), expected)


def _masks(pipeline: SDSegPipeline, slices: torch.Tensor) -> torch.Tensor:
    """Their probabilities, a few slices at a time."""
    return torch.cat([pipeline(batch) for batch in slices.split(_AT_A_TIME)])


def runs_of(made: Quantised, encoder: torch.nn.Module) -> Int8Runs:
    """Where there is no model of the encoder, a copy of it runs in mixed precision."""
    decoder = run_model(made.decoder, "int8")
    if made.encoder is not None:
        return Int8Runs(run_model(made.encoder, "int8"), decoder, made.unet)
    return Int8Runs(torch_run(deepcopy(encoder), (torch.zeros(1),), "mixed"), decoder, made.unet)
