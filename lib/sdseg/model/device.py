"""Where a model runs."""

from __future__ import annotations

import torch

from sdseg.errors import InputError


def check_device(name: str) -> torch.device:
    """The torch device called `name`: cpu, cuda, cuda:N or mps.

    Raises:
        InputError: there is no such kind of device, or none of it in this machine.
    """
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise InputError(f"There is no device '{name}'; use cpu, cuda or cuda:N.") from error
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        count = torch.cuda.device_count()
        raise InputError(f"Device '{name}' is not in this machine, which has {count} CUDA device(s); use cpu.")
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise InputError("This machine has no Metal device; use cpu.")
    if device.type not in ("cpu", "cuda", "mps"):
        raise InputError(f"Device '{name}' is not supported; use cpu, cuda or cuda:N.")
    return device
