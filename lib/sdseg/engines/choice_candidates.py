"""Which engines are worth measuring: those that could win whatever the measurement said."""

from __future__ import annotations

from sdseg.engines.bf16 import has_bf16
from sdseg.engines.engine import ENGINES, PLAIN, Engine
from sdseg.model.pipeline import SDSegPipeline

SLICES_A_START = 200  # a start is paid back over so many slices
# Nobody is quicker on a CPU by more: than the plain pipeline in float32, and than the best of PyTorch.
_MOST_GAIN, _MOST_OVER_BEST = 4.0, 1.5
# Seconds that the start takes at least on a quick processor: importing and converting anything, and a parameter more.
_START = {"openvino": (3.0, 40e-9), "onnxruntime": (8.0, 150e-9)}


def candidates(device: str) -> list[Engine]:
    """The exact engines for a device, whether installed or not, in the order in which they are measured.

    Those that start at once come first, so that others need not be tried; bfloat16 before float32.
    """
    kind = device.partition(":")[0]
    found = [engine for engine in ENGINES.values() if engine.exact and kind in engine.devices]
    return sorted(found, key=lambda e: (e.backend in _START, e.autoencoder != "bf16"))


def cost(seconds: float, start: float) -> float:
    """Seconds a slice, with a share in the start."""
    return seconds + start / SLICES_A_START


def reason_against(engine: Engine, pipeline: SDSegPipeline, costs: dict[str, float]) -> str:
    """Why an engine need not be measured; "" where it must.

    Args:
        engine: a candidate.
        pipeline: what is to be run.
        costs: of those measured so far that agree, plain among them.
    """
    if engine.missing:
        return f"not installed (pip install {' '.join(engine.missing)})"
    on_cpu = pipeline.device.type == "cpu"
    if engine.autoencoder == "bf16" and on_cpu and not has_bf16():
        return "this processor does not multiply in bfloat16"
    best, plain = min(costs.values()), costs[PLAIN]
    brother = f"{engine.backend}-bf16"
    if on_cpu and engine.autoencoder == "fp32" and costs.get(brother, plain) < plain / 2:
        return f"{brother} is quicker"
    least = best / _MOST_OVER_BEST
    if engine.autoencoder == "fp32":
        least = max(least, plain / _MOST_GAIN)
    if on_cpu and cost(least, least_start(engine, pipeline)) >= best:
        return "its start alone costs too much for a model of this size"
    return ""


def least_start(engine: Engine, pipeline: SDSegPipeline) -> float:
    """Seconds that the engine needs at least before its first slice."""
    once, each = _START.get(engine.backend, (0.0, 0.0))
    networks = (pipeline.vae, pipeline.vision_encoder, pipeline.unet)
    return once + each * sum(parameter.numel() for network in networks for parameter in network.parameters())
