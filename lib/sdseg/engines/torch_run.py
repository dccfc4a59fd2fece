"""A network run by PyTorch itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from threading import Lock
from typing import Any

import torch

from sdseg.engines.lowering import ENDS, STREAM, lower_convolutions
from sdseg.engines.parts import Run

PRECISIONS = {
    "fp32": torch.float32,
    "tf32": torch.float32,
    "mixed": torch.float32,
    "convolutions": torch.float32,
    "bf16": torch.bfloat16,
}

_cudnn: Any = torch.backends.cudnn
_MULTIPLYING: tuple[Any, ...] = (torch.backends.cuda.matmul, _cudnn.conv, _cudnn.rnn)
_switching = Lock()


def torch_run(network: torch.nn.Module, examples: tuple[torch.Tensor, ...], precision: str) -> Run:
    """Channels last, in the precision; `network` is taken over."""
    return call_in(prepare(network, examples[0].device, precision), precision)


def prepare(network: torch.nn.Module, device: torch.device, precision: str) -> Any:
    """The network with its weights in the precision, channels last.

    "mixed" is float32 but for the convolutions between two normalisations: bfloat16 on a CPU, float16 on a GPU, whose
    range is enough behind a normalisation. "convolutions" lowers those of the residual stream as well.
    """
    converted: Any = network.eval().to(device, PRECISIONS[precision])
    if precision in ("mixed", "convolutions"):
        low = torch.float16 if device.type == "cuda" else torch.bfloat16
        lower_convolutions(converted, low, STREAM if precision == "mixed" else ENDS)
    return converted.to(memory_format=torch.channels_last)


def call_in(network: Any, precision: str) -> Run:
    """`network`, of `prepare`, from float32 to float32."""
    dtype = PRECISIONS[precision]

    def run(batch: torch.Tensor, *others: torch.Tensor) -> torch.Tensor:
        with float32_as(precision) if batch.is_cuda else nullcontext():
            output: torch.Tensor = network(batch.to(dtype).contiguous(memory_format=torch.channels_last), *others)
        return output.float()

    return run


@contextmanager
def float32_as(precision: str) -> Iterator[None]:
    """How an NVIDIA GPU multiplies float32 numbers within the block: rounded to TF32's 10 bits, or as they are.

    PyTorch's own default is TF32 in convolutions and not in matrix products. The switch is the process's: one block at
    a time.
    """
    told = "tf32" if precision in ("tf32", "mixed") else "ieee"
    with _switching:
        before = [kind.fp32_precision for kind in _MULTIPLYING]
        _switch([told for _ in _MULTIPLYING])
        try:
            yield
        finally:
            _switch(before)


def _switch(told: Sequence[str]) -> None:
    """Both of PyTorch's switches: whoever asks for the older one, as Inductor does, gets an error if they differ."""
    matmul, convolution, _ = told
    torch.backends.cuda.matmul.allow_tf32 = matmul == "tf32"
    torch.backends.cudnn.allow_tf32 = convolution == "tf32"
    for kind, value in zip(_MULTIPLYING, told, strict=True):
        kind.fp32_precision = value
