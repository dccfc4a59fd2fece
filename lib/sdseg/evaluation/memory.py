"""Peak memory of a model, in a process of its own: what was loaded before must not count."""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
from pathlib import Path

import torch

from sdseg.errors import InputError
from sdseg.evaluation.contestants import Contestant
from sdseg.evaluation.probe import random_slices, synchronise
from sdseg.inference.segmenter import Segmenter

_STATUS = Path("/proc/self/status")


def measure_peak_memory(folder: Path, device: str, steps: int, batch_size: int) -> int:
    """Bytes at most while weights are loaded and one batch is segmented.

    On a GPU what torch had allocated there; on the CPU the resident memory of the process, libraries included.

    Raises:
        InputError: the process failed.
    """
    command = [sys.executable, "-m", __name__, str(folder), device, str(steps), str(batch_size)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise InputError(f"The memory of {folder} could not be measured ({last}); leave the efficiency table out.")
    return int(done.stdout.splitlines()[-1])


def peak_memory(folder: Path, device: str, steps: int, batch_size: int) -> int:
    """The same, in this process."""
    contestant = Contestant(folder.name, folder, Segmenter.load(folder, device)).with_steps(steps)
    contestant.model(random_slices(contestant.model, batch_size))
    synchronise(contestant.model.device)
    if contestant.model.device.type == "cuda":
        return torch.cuda.max_memory_allocated(contestant.model.device)
    return resident_peak()


def resident_peak() -> int:
    """Bytes of resident memory this process has had at most.

    From /proc: getrusage would tell the parent's peak where that was larger.
    """
    lines = _STATUS.read_text().splitlines() if _STATUS.is_file() else []
    kibibytes = [int(line.split()[1]) for line in lines if line.startswith("VmHWM:")]
    if not kibibytes:
        kibibytes = [resource.getrusage(resource.RUSAGE_SELF).ru_maxrss]
    return kibibytes[0] * 1024


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("device")
    parser.add_argument("steps", type=int)
    parser.add_argument("batch_size", type=int)
    print(peak_memory(**vars(parser.parse_args())))
