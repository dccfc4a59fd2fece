"""Decoder, and encoder if it can, in int8, the U-Net in bf16 if it can: tried once for weights and slices, and kept."""

from __future__ import annotations

import logging
from importlib.metadata import version
from typing import Any

import torch

from sdseg.engines import quantised_store as store
from sdseg.engines.bf16 import has_bf16
from sdseg.engines.calibration import sample_slices
from sdseg.engines.folding import fold_upsampling
from sdseg.engines.int8_precisions import Int8Runs, choose_precisions, runs_of
from sdseg.engines.lowering import STREAM
from sdseg.engines.parts import Decoding
from sdseg.engines.quantising import Quantised
from sdseg.errors import InputError
from sdseg.model.pipeline import SDSegPipeline

log = logging.getLogger(__name__)
_FORMAT = 4


@torch.inference_mode()
def quantised_runs(
    pipeline: SDSegPipeline, decoder: torch.nn.Module, slices: torch.Tensor | None, least_dice: float
) -> Int8Runs:
    """What runs the networks.

    Every second slice is calibrated with, the others are compared on. The decoder is calibrated with the mask latents
    that the U-Net makes of the slices.

    Args:
        pipeline: as it was loaded, on the CPU.
        decoder: its decoding half as one network.
        slices: (slices, 3, rows, columns) in [-1, 1]; None for those that `calibrate` was given, else the sample's.
        least_dice: with which the masks must agree with the plain ones; 0 for networks that nobody has trained.

    Raises:
        InputError: the slices are of another size.
        NotCalibratedError: the masks do not agree.
    """
    networks, facts = _networks(pipeline, decoder), _facts(least_dice)
    folder = store.preferred(store.key_of(facts, networks)) if slices is None else None
    if folder is None:
        slices = _checked(sample_slices(pipeline.image_size) if slices is None else slices, pipeline.image_size)
        key = store.key_of(facts, networks, slices)
        folder = store.find(key)
        if folder is None:
            log.warning("The model is quantised, once for these weights; at the paper's size it takes some minutes.")
            made, _ = choose_precisions(pipeline, decoder, slices, least_dice)
            store.keep(key, made.save)
            return runs_of(made, pipeline.vision_encoder)
    return runs_of(Quantised.read(folder), pipeline.vision_encoder)


@torch.inference_mode()
def calibrate(pipeline: SDSegPipeline, slices: torch.Tensor, least_dice: float) -> float:
    """Quantise with `slices`, and take the result from now on whenever these networks are run in int8 here.

    Args:
        pipeline: as it was loaded, on the CPU, with full or lite parts.
        slices, least_dice: see `quantised_runs`.

    Returns:
        The Dice of the masks with the plain ones, over the slices that were not calibrated with.

    Raises:
        InputError: as there, or the disk refuses.
    """
    decoder = _decoder(pipeline)
    networks, facts, slices = _networks(pipeline, decoder), _facts(least_dice), _checked(slices, pipeline.image_size)
    made, dice = choose_precisions(pipeline, decoder, slices, least_dice)
    key = store.key_of(facts, networks, slices)
    store.keep(key, made.save)
    try:
        if store.find(key) is None:
            raise OSError("what was quantised is not there")
        store.prefer(store.key_of(facts, networks), key)
    except OSError as error:
        raise InputError(f"The calibration cannot be kept ({error}); make room, or set SDSEG_CACHE.") from error
    return dice


def is_calibrated(pipeline: SDSegPipeline, least_dice: float) -> bool:
    """Whether `calibrate` was given slices for these networks on this machine."""
    key = store.key_of(_facts(least_dice), _networks(pipeline, _decoder(pipeline)))
    return store.preferred(key) is not None


def _decoder(pipeline: SDSegPipeline) -> Decoding:
    """As `speed_up` gives it to `quantised_runs`; folding changes the pipeline's own, but not what it computes."""
    decoder = Decoding(pipeline.vae)
    fold_upsampling(decoder)
    return decoder


def _networks(pipeline: SDSegPipeline, decoder: torch.nn.Module) -> dict[str, torch.nn.Module]:
    return {"encoder": pipeline.vision_encoder, "decoder": decoder, "unet": pipeline.unet}


def _facts(least_dice: float) -> dict[str, Any]:
    versions = {name: version(name) for name in ("nncf", "openvino", "torch")}
    return {"format": _FORMAT, "stream": STREAM, "least Dice": least_dice, "bf16": has_bf16(), **versions}


def _checked(slices: torch.Tensor, size: int) -> torch.Tensor:
    """Raises InputError: they are of another size."""
    if slices.dim() != 4 or not len(slices) or tuple(slices.shape[1:]) != (3, size, size):
        raise InputError(f"Slices to calibrate with must be (slices, 3, {size}, {size}), not {tuple(slices.shape)}.")
    return slices.float().cpu()
