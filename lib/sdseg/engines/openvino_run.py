"""A network run by Intel's OpenVINO."""

from __future__ import annotations

from threading import Lock
from typing import Any

import torch

from sdseg.engines.bf16 import has_bf16
from sdseg.engines.parts import Run
from sdseg.engines.signal_stack import own_signal_stack
from sdseg.engines.silent import converting, forbid_telemetry

forbid_telemetry()
import openvino  # noqa: E402 - it tells of its import

# What is not quantised runs in the cheapest precision that the processor has.
_HINTS = {"fp32": "f32", "bf16": "bf16", "int8": "bf16" if has_bf16() else "f32"}


def openvino_run(network: torch.nn.Module, examples: tuple[torch.Tensor, ...], precision: str) -> Run:
    """On as many threads as PyTorch uses; any batch size."""
    return run_model(to_openvino(network, examples), precision)


@converting()
def to_openvino(network: torch.nn.Module, examples: tuple[torch.Tensor, ...]) -> Any:
    """The network as an `openvino.Model` of any batch size."""
    shapes = [[-1, *example.shape[1:]] for example in examples]
    types = [openvino.Type(example.numpy().dtype) for example in examples]
    # Twice: a batch of one would be taken for a constant.
    pair = tuple(torch.cat([example, example]) for example in examples)
    return openvino.convert_model(network.eval(), example_input=pair, input=list(zip(shapes, types, strict=True)))


@own_signal_stack()
def run_model(model: Any, precision: str) -> Run:
    """The same of an `openvino.Model`; calls from several threads take turns."""
    settings = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        "INFERENCE_PRECISION_HINT": _HINTS[precision],
    }
    request, lock = openvino.Core().compile_model(model, "CPU", settings).create_infer_request(), Lock()

    def run(*batch: torch.Tensor) -> torch.Tensor:
        with lock:
            request.infer([tensor.contiguous().numpy() for tensor in batch])
            return torch.from_numpy(request.get_output_tensor(0).data.copy())

    return run
