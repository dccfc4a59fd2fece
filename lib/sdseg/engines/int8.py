"""Decoder, and encoder if it can, in int8: quantised once for weights and slices, compared with float32, and kept."""

from __future__ import annotations

import logging
from collections.abc import Callable
from copy import deepcopy
from functools import partial
from importlib.metadata import version
from typing import Any

import torch

from sdseg.engines import quantised_store as store
from sdseg.engines.calibration import sample_slices
from sdseg.engines.choice_probe import dice_of
from sdseg.engines.lowering import STREAM
from sdseg.engines.openvino_run import run_model, to_openvino
from sdseg.engines.parts import Decoding, FastDecoder, FastEncoder, Run
from sdseg.engines.quantising import quantise, read, save
from sdseg.engines.torch_run import torch_run
from sdseg.errors import InputError, NotCalibratedError
from sdseg.model.pipeline import SDSegPipeline

log = logging.getLogger(__name__)
CLEARLY = 0.998  # agreement from which the encoder may be as it is: other slices than those compared may agree less
_FORMAT, _COMPARED, _AT_A_TIME = 2, 16, 4


@torch.inference_mode()
def quantised_runs(
    pipeline: SDSegPipeline, decoder: torch.nn.Module, slices: torch.Tensor | None, least_dice: float
) -> tuple[Run, Run]:
    """What runs the encoder and the decoder.

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
            models, _ = _quantise(pipeline, decoder, slices, least_dice)
            store.keep(key, partial(save, models))
            return _runs(models, pipeline.vision_encoder)
    return _runs(read(folder), pipeline.vision_encoder)


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
    decoder = Decoding(pipeline.vae)
    networks, facts, slices = _networks(pipeline, decoder), _facts(least_dice), _checked(slices, pipeline.image_size)
    models, dice = _quantise(pipeline, decoder, slices, least_dice)
    key = store.key_of(facts, networks, slices)
    store.keep(key, partial(save, models))
    try:
        if store.find(key) is None:
            raise OSError("what was quantised is not there")
        store.prefer(store.key_of(facts, networks), key)
    except OSError as error:
        raise InputError(f"The calibration cannot be kept ({error}); make room, or set SDSEG_CACHE.") from error
    return dice


def is_calibrated(pipeline: SDSegPipeline, least_dice: float) -> bool:
    """Whether `calibrate` was given slices for these networks on this machine."""
    key = store.key_of(_facts(least_dice), _networks(pipeline, Decoding(pipeline.vae)))
    return store.preferred(key) is not None


def _networks(pipeline: SDSegPipeline, decoder: torch.nn.Module) -> dict[str, torch.nn.Module]:
    return {"encoder": pipeline.vision_encoder, "decoder": decoder, "unet": pipeline.unet}


def _facts(least_dice: float) -> dict[str, Any]:
    versions = {name: version(name) for name in ("nncf", "openvino", "torch")}
    return {"format": _FORMAT, "stream": STREAM, "least Dice": least_dice, **versions}


def _checked(slices: torch.Tensor, size: int) -> torch.Tensor:
    """Raises InputError: they are of another size."""
    if slices.dim() != 4 or not len(slices) or tuple(slices.shape[1:]) != (3, size, size):
        raise InputError(f"Slices to calibrate with must be (slices, 3, {size}, {size}), not {tuple(slices.shape)}.")
    return slices.float().cpu()


def _quantise(
    pipeline: SDSegPipeline, decoder: torch.nn.Module, slices: torch.Tensor, least_dice: float
) -> tuple[dict[str, Any], float]:
    """The decoder in int8, the encoder in the cheapest precision that the masks bear, for an error of its own goes
    through the U-Net; and the Dice with the plain masks."""
    seen, compared = slices[::2], (slices[1::2] if len(slices) > 1 else slices)[:_COMPARED]
    latents = torch.cat([_mask_latents(pipeline, batch) for batch in seen.split(_AT_A_TIME)])
    encoder, models, dice = pipeline.vision_encoder, {"decoder": quantise(decoder, latents)}, 0.0
    encoders: tuple[Callable[[], Any], ...] = (
        lambda: quantise(encoder, seen),
        lambda: to_openvino(encoder, (seen[:1],)),
        lambda: None,  # PyTorch's, whose residual stream stays float32
    )
    for make in encoders:
        models["encoder"] = make()
        dice = _agreement(pipeline, _runs(models, encoder), compared)
        if dice >= CLEARLY or not least_dice:
            break
    if dice < least_dice:
        raise NotCalibratedError(
            f"In int8 the masks of these weights agree with those in float32 at a Dice of {dice:.4f}, below "
            f"{least_dice}; choose an exact engine, or calibrate with more slices of the kind that is segmented."
        )
    log.info("The quantised model's masks agree with those in float32 at a Dice of %.4f.", dice)
    return models, dice


def _mask_latents(pipeline: SDSegPipeline, slices: torch.Tensor) -> torch.Tensor:
    """(slices, 4, latent rows, latent columns), one a slice, as the decoder takes them; the classes in turn."""
    latent, noise = pipeline.encode(slices), pipeline.draw_noise(0)
    ids = None if pipeline.classes is None else torch.arange(len(slices)) % pipeline.classes
    return pipeline.estimate_mask_latent(latent, noise, ids) / pipeline.vae.config.scaling_factor


def _agreement(pipeline: SDSegPipeline, runs: tuple[Run, Run], slices: torch.Tensor) -> float:
    make: Any = SDSegPipeline
    encoder = FastEncoder(runs[0], pipeline.vision_encoder.config, pipeline.device, 1)
    decoder = FastDecoder(runs[1], pipeline.vae.config, pipeline.device, 1)
    quantised = make(decoder, encoder, pipeline.unet, pipeline.scheduler)
    batches = slices.split(_AT_A_TIME)
    found, expected = (torch.cat([model(batch) for batch in batches]) for model in (quantised, pipeline))
    return dice_of(found, expected)


def _runs(models: dict[str, Any], encoder: torch.nn.Module) -> tuple[Run, Run]:
    """Encoder and decoder; where there is no model of the encoder, a copy of it runs in mixed precision."""
    decoder, quantised = run_model(models["decoder"], "int8"), models.get("encoder")
    if quantised is not None:
        return run_model(quantised, "int8"), decoder
    return torch_run(deepcopy(encoder), (torch.zeros(1),), "mixed"), decoder
