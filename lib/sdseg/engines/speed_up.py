"""From a pipeline as it was loaded to one that an engine runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from sdseg.engines.engine import Engine
from sdseg.engines.folding import fold_time, fold_upsampling
from sdseg.engines.parts import (
    AtTimestep,
    Decoding,
    Estimating,
    FastDecoder,
    FastEncoder,
    FastLiteUNet,
    FastUNet,
    Run,
)
from sdseg.engines.torch_run import torch_run
from sdseg.model.batching import slices_at_a_time
from sdseg.model.lite_unet import LiteUNet
from sdseg.model.pipeline import SDSegPipeline

LEAST_DICE = 0.995
MakeRun = Callable[[torch.nn.Module, tuple[torch.Tensor, ...], str], Run]
"""From a network in evaluation mode, one example of each of its inputs, and a precision, to what runs it."""


def speed_up(
    pipeline: SDSegPipeline, engine: Engine, calibration: torch.Tensor | None = None, least_dice: float = LEAST_DICE
) -> SDSegPipeline:
    """The same model run by `engine`; `pipeline` is taken over and must not be used afterwards.

    On a CPU its decoder and encoder take as many slices at a time as the caches hold, its U-Net the batch. It draws
    the same noise and gives the same masks, exactly up to rounding; it cannot be trained or saved, and makes one
    reverse step only. Calls from several threads are safe.

    Args:
        pipeline: in evaluation mode on its device, with full or lite parts.
        engine: how it is to run.
        calibration: (slices, 3, rows, columns) in [-1, 1], of the kind that will be segmented, for an engine that is
            `calibrated` (None: the sample's); others leave them aside.
        least_dice: with which a calibrated engine's masks must agree with the plain ones; 0 for networks that nobody
            has trained, whose masks are noise.

    Raises:
        InputError: the engine is calibrated and there are no slices that fit, or its masks do not agree.
    """
    device, size = pipeline.device, pipeline.image_size
    make_run, at_a_time = RUNNERS[engine.backend], slices_at_a_time(pipeline) if device.type == "cpu" else None
    vae, encoder, unet = pipeline.vae, pipeline.vision_encoder, pipeline.unet
    any_size, channels = engine.any_size and pipeline.parts is not None, unet.config.out_channels
    image = torch.zeros(1, 3, size, size, device=device)
    latent = torch.zeros(1, channels, pipeline.latent_size, pipeline.latent_size, device=device)
    decoder = Decoding(vae)
    fold_upsampling(decoder)
    if engine.calibrated:
        from sdseg.engines.int8 import quantised_runs

        runs = quantised_runs(pipeline, decoder, calibration, least_dice)
        run_encoder, run_decoder, precision = runs.encoder, runs.decoder, runs.unet
    else:
        run_encoder = make_run(encoder, (image,), engine.encoder or engine.autoencoder)
        run_decoder = make_run(decoder, (latent,), engine.autoencoder)
        precision = engine.unet
    make: Any = SDSegPipeline  # it takes whatever answers its networks' calls
    fast: SDSegPipeline = make(
        FastDecoder(run_decoder, vae.config, device, at_a_time, any_size),
        FastEncoder(run_encoder, encoder.config, device, at_a_time, any_size),
        _fast_unet(unet, latent, int(pipeline.scheduler.config.num_train_timesteps) - 1, engine, precision, any_size),
        pipeline.scheduler,
    )
    fast.set_progress_bar_config(disable=True)
    return fast


def _fast_unet(
    unet: Any, latent: torch.Tensor, timestep: int, engine: Engine, precision: str, any_size: bool
) -> FastUNet:
    make_run = RUNNERS[engine.backend]
    both = torch.cat([latent, latent], dim=1)
    ids = torch.zeros(1, dtype=torch.int64, device=latent.device)
    examples = (both,) if unet.config.num_class_embeds is None else (both, ids)
    if isinstance(unet, LiteUNet):  # it estimates z0 itself: nothing amplifies its errors
        run = make_run(Estimating(unet), examples, engine.encoder or engine.autoencoder)
        return FastLiteUNet(run, unet.config, latent.device, timestep, any_size)
    fold_time(unet.unet, timestep)
    make_run = torch_run if precision == "convolutions" else make_run  # PyTorch's alone
    run = make_run(AtTimestep(unet, timestep), examples, precision)
    return FastUNet(run, unet.config, latent.device, timestep, any_size)


def _openvino(network: torch.nn.Module, examples: tuple[torch.Tensor, ...], precision: str) -> Run:
    from sdseg.engines.openvino_run import openvino_run

    return openvino_run(network, examples, precision)


def _onnxruntime(network: torch.nn.Module, examples: tuple[torch.Tensor, ...], precision: str) -> Run:
    from sdseg.engines.onnx_run import onnx_run

    return onnx_run(network, examples, precision)


def _graphs(network: torch.nn.Module, examples: tuple[torch.Tensor, ...], precision: str) -> Run:
    from sdseg.engines.cuda_run import graph_run

    return graph_run(network, examples, precision)


def _compiled(network: torch.nn.Module, examples: tuple[torch.Tensor, ...], precision: str) -> Run:
    from sdseg.engines.cuda_run import compiled_run

    return compiled_run(network, examples, precision)


RUNNERS: dict[str, MakeRun] = {
    "torch": torch_run,
    "torch-graphs": _graphs,
    "torch-compile": _compiled,
    "openvino": _openvino,
    "onnxruntime": _onnxruntime,
}
