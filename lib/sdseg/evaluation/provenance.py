"""By what, with what and where an evaluation was made."""

from __future__ import annotations

import datetime
import importlib.metadata
import os
import platform
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from sdseg import __version__
from sdseg.evaluation.contestants import Contestant
from sdseg.processor import cpu_name


def describe_run() -> dict[str, Any]:
    """Command, date and software."""
    names = ("torch", "monai", "diffusers", "numpy", "scipy")
    versions = {name: importlib.metadata.version(name) for name in names}
    return {
        "command": shlex.join(["sdseg" if Path(sys.argv[0]).name == "sdseg" else sys.argv[0], *sys.argv[1:]]),
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "software": {"sdseg": __version__, "python": platform.python_version(), **versions},
    }


def describe_contestants(contestants: Sequence[Contestant]) -> dict[str, Any]:
    """Name in the report -> what the weights are."""
    return {
        contestant.name: {
            "card": contestant.segmenter.card.name,
            "kind": contestant.traits.kind,
            "preset": contestant.segmenter.card.preset,
            "weights_sha256": contestant.segmenter.weights_sha256,
            "folder": str(contestant.folder),
            "steps": contestant.steps if contestant.takes_steps else None,
            "samples": contestant.traits.samples,
        }
        for contestant in contestants
    }


def describe_device(device: torch.device) -> str:
    """Name of the processor or GPU, and how much of it was used."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{cpu_name()}, {cores} cores, {torch.get_num_threads()} threads"
