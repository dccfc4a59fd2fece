"""The machine under the figures, and how fast it multiplies matrices."""

from __future__ import annotations

import platform
import statistics
import time
from dataclasses import dataclass

import torch

from sdseg.evaluation.probe import synchronise
from sdseg.processor import cpu_info, cpu_name

_TELLING = ("avx2", "avx512f", "avx512_bf16", "avx512_vnni", "amx_bf16", "amx_int8")


@dataclass(frozen=True)
class Machine:
    """Attributes: processor or GPU, its threads, features of the processor that matter, versions."""

    name: str
    threads: int
    features: tuple[str, ...]
    python: str
    torch: str


def this_machine(device: str, threads: int) -> Machine:
    """As the operating system and torch tell it."""
    name = torch.cuda.get_device_name(device) if torch.device(device).type == "cuda" else cpu_name()
    has = cpu_info().get("flags", "").split()
    features = tuple(feature for feature in _TELLING if feature in has)
    return Machine(name, threads, features, platform.python_version(), torch.__version__)


@torch.inference_mode()
def matmul_peak(dtype: torch.dtype, device: str, size: int = 2048, rounds: int = 7) -> float:
    """GFLOP a second of a product of two square matrices, the best of several: what the machine can do at all."""
    left, right = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
    spent = []
    for _ in range(rounds + 1):
        synchronise(torch.device(device))
        start = time.perf_counter()
        torch.mm(left, right)
        synchronise(torch.device(device))
        spent.append(time.perf_counter() - start)
    return 2 * size**3 / statistics.quantiles(spent[1:], n=10)[0] / 1e9
