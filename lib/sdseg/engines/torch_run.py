"""A network run by PyTorch itself."""

from __future__ import annotations

from typing import Any

import torch

from sdseg.engines.parts import Run

PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16}


def torch_run(network: torch.nn.Module, example: torch.Tensor, precision: str) -> Run:
    """Channels last, in the precision; `network` is taken over."""
    dtype = PRECISIONS[precision]
    converted: Any = network.eval().to(example.device, dtype)
    converted = converted.to(memory_format=torch.channels_last)

    def run(batch: torch.Tensor) -> torch.Tensor:
        output: torch.Tensor = converted(batch.to(dtype).contiguous(memory_format=torch.channels_last))
        return output.float()

    return run
