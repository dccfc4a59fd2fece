"""A network run by Intel's OpenVINO."""

from __future__ import annotations

import openvino
import torch

from sdseg.engines.parts import Run


def openvino_run(network: torch.nn.Module, example: torch.Tensor, precision: str) -> Run:
    """On as many threads as PyTorch uses; the batch may vary where the U-Net's does."""
    model = openvino.convert_model(network.eval(), example_input=example, input=[[-1, *example.shape[1:]]])
    settings = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        "INFERENCE_PRECISION_HINT": {"fp32": "f32", "bf16": "bf16"}[precision],
    }
    request = openvino.Core().compile_model(model, "CPU", settings).create_infer_request()

    def run(batch: torch.Tensor) -> torch.Tensor:
        request.infer([batch.contiguous().numpy()])
        return torch.from_numpy(request.get_output_tensor(0).data.copy())

    return run
