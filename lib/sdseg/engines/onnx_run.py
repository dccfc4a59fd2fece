"""A network run by ONNX Runtime."""

from __future__ import annotations

import tempfile
from pathlib import Path

import onnxruntime
import torch

from sdseg.engines.parts import Run
from sdseg.engines.silent import converting


def onnx_run(network: torch.nn.Module, examples: tuple[torch.Tensor, ...], precision: str) -> Run:
    """In float32, on as many threads as PyTorch uses; any batch size."""
    if precision != "fp32":
        raise ValueError(f"ONNX Runtime runs these networks in fp32, not in {precision}")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3  # errors: it warns of every constant that it folds
    names = [f"input{number}" for number in range(len(examples))]
    pair = tuple(torch.cat([example, example]) for example in examples)  # a batch of one would be taken for a constant
    with tempfile.TemporaryDirectory(prefix="sdseg-onnx-") as folder, converting():
        path = Path(folder) / "network.onnx"
        torch.onnx.export(
            network.eval(),
            pair,
            path,
            input_names=names,
            dynamic_shapes=tuple({0: torch.export.Dim.DYNAMIC} for _ in examples),
            dynamo=True,
            verbose=False,
        )
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def run(*batch: torch.Tensor) -> torch.Tensor:
        (output,) = session.run(
            None, {name: tensor.contiguous().numpy() for name, tensor in zip(names, batch, strict=True)}
        )
        return torch.from_numpy(output)

    return run
