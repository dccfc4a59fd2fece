"""From a pipeline as it was loaded to one that an engine runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from sdseg.engines.engine import Engine
from sdseg.engines.folding import fold_time, fold_upsampling
from sdseg.engines.parts import AtTimestep, DecodingHalf, FastDecoder, FastEncoder, FastUNet, Run
from sdseg.engines.torch_run import torch_run
from sdseg.model.batching import slices_at_a_time
from sdseg.model.pipeline import SDSegPipeline
from sdseg.model.unet import DenoisingUNet


def speed_up(pipeline: SDSegPipeline, engine: Engine) -> SDSegPipeline:
    """The same model run by `engine`; `pipeline` is taken over and must not be used afterwards.

    On a CPU its decoder and encoder take as many slices at a time as the caches hold, its U-Net the batch. It draws
    the same noise and gives the same masks, exactly up to rounding; it cannot be trained or saved, and a binary one
    makes one reverse step only.
    """
    device, size = pipeline.device, pipeline.image_size
    run, at_a_time = _RUNNERS[engine.backend], slices_at_a_time(pipeline) if device.type == "cpu" else None
    vae, encoder, unet = pipeline.vae, pipeline.vision_encoder, pipeline.unet
    decoder = DecodingHalf(vae)
    fold_upsampling(decoder)
    image = torch.zeros(1, 3, size, size, device=device)
    latent = torch.zeros(1, vae.config.latent_channels, pipeline.latent_size, pipeline.latent_size, device=device)
    make: Any = SDSegPipeline  # it takes whatever answers its networks' calls
    fast: SDSegPipeline = make(
        FastDecoder(run(decoder, latent, engine.autoencoder), vae.config, device, at_a_time),
        FastEncoder(run(encoder, image, engine.autoencoder), encoder.config, device, at_a_time),
        _fast_unet(unet, latent, int(pipeline.scheduler.config.num_train_timesteps) - 1, run),
        pipeline.scheduler,
    )
    fast.set_progress_bar_config(disable=True)
    return fast


def _fast_unet(unet: Any, latent: torch.Tensor, timestep: int, run: Callable[..., Run]) -> torch.nn.Module:
    if not isinstance(unet, DenoisingUNet) or unet.config.num_class_embeds is not None:
        # One embedding a class, or tokens of the image: PyTorch runs it as it is.
        return unet.to(memory_format=torch.channels_last)
    fold_time(unet.unet, timestep)
    both = torch.cat([latent, latent], dim=1)
    return FastUNet(run(AtTimestep(unet, timestep), both, "fp32"), unet.config, latent.device, timestep)


def _openvino(network: torch.nn.Module, example: torch.Tensor, precision: str) -> Run:
    from sdseg.engines.openvino_run import openvino_run

    return openvino_run(network, example, precision)


def _onnxruntime(network: torch.nn.Module, example: torch.Tensor, precision: str) -> Run:
    from sdseg.engines.onnx_run import onnx_run

    return onnx_run(network, example, precision)


_RUNNERS: dict[str, Callable[[torch.nn.Module, torch.Tensor, str], Run]] = {
    "torch": torch_run,
    "openvino": _openvino,
    "onnxruntime": _onnxruntime,
}
