"""How many workers, and how many cores each: defaults that need no measurement."""

from __future__ import annotations

import os
from pathlib import Path

from sdseg.errors import InputError

CORES_A_WORKER = 4
"""More threads gain less and less on one slice at a time; more processes gain in full, but hold a model each."""
SPARE_BYTES = 1_500_000_000
"""What a worker needs beside its weights: libraries, a series and its SEG."""
COPIES = 2.5
"""Of the weights on the disk, in memory: as they are read, and as an engine keeps them."""
_MEMORY = Path("/proc/meminfo")
_QUOTA = Path("/sys/fs/cgroup/cpu.max")


def usable_cores() -> int:
    """Of this machine or container, that this process may use."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = _QUOTA.read_text().split()
        return max(1, min(allowed, int(quota) // int(period)))
    except (OSError, ValueError):  # no container, or one without a limit
        return allowed


def free_bytes() -> int:
    """Of memory, as Linux tells it: what caches hold is free too."""
    lines = _MEMORY.read_text().splitlines() if _MEMORY.is_file() else []
    told = {name: rest.split()[0] for name, _, rest in (line.partition(":") for line in lines)}
    if "MemAvailable" in told:
        return int(told["MemAvailable"]) * 1024
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2


def default_workers(weights: Path, cores: int, free: int) -> int:
    """One to four cores, as many as memory holds, at least one."""
    size = sum(path.stat().st_size for path in weights.rglob("*.safetensors"))
    return max(1, min(cores // CORES_A_WORKER, int(free // (COPIES * size + SPARE_BYTES))))


def threads_of(workers: int, threads: int | None, cores: int) -> int:
    """Cores of each worker, the machine's divided between them. Raises InputError."""
    if workers < 1 or (threads is not None and threads < 1):
        raise InputError("There is nothing to work with: give --workers and --threads of at least 1.")
    return threads or max(1, cores // workers)
