"""What the operating system tells of the processor."""

from __future__ import annotations

import platform
from pathlib import Path

_CPU = Path("/proc/cpuinfo")


def cpu_info() -> dict[str, str]:
    """Linux's /proc/cpuinfo, of the last core; empty elsewhere."""
    try:
        lines = _CPU.read_text().splitlines()
    except OSError:
        return {}
    return {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}


def cpu_name() -> str:
    """The model; where the system does not tell it, the architecture."""
    return cpu_info().get("model name") or platform.processor() or platform.machine()
