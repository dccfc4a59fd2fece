"""Series of many slices, and what segmenting them takes in a process of its own."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from helpers.dicom_series import SeriesMaker
from helpers.models import save_tiny_weights

from sdseg.volume.window import Window

Way = Literal["files", "server"]
CT, MR = Window("range", -500, 800), Window("percentile", 0.5, 99.5)
_PEAK = Path(__file__).with_name("peak.py")
_FIRST = 9  # slices of the series that warms everything up


def save_series(folder: Path, slices: int, side: int) -> Path:
    """A ball in a box, a slice at a time."""
    maker = SeriesMaker(slices=slices, rows=side, columns=side, name=f"{slices} slices")
    folder.mkdir(parents=True)
    rows, columns = np.mgrid[:side, :side] - side / 2
    for index in range(slices):
        ball = np.hypot(rows, columns) < side / 3
        plane = (ball * 1000 + (rows + index) % 50).astype(np.int16)
        maker.dataset(index, plane).save_as(folder / f"{index}.dcm", enforce_file_format=True)
    return folder


@dataclass(frozen=True)
class Bench:
    """Peaks below `folder`, of series of `side` x `side`, by the tests' smallest model with the window of CT."""

    folder: Path
    side: int
    window: Window = CT

    def peak(self, slices: int, way: Way = "files") -> tuple[int, int]:
        """Bytes that a process held at most, once its libraries and its model were warm, and those of its answer."""
        studies, weights, scratch = self.studies(slices), self.folder / "weights", self.folder / f"{slices}-{way}"
        if not weights.exists():
            save_tiny_weights(weights, CT=self.window)
        if not studies.exists():
            save_series(studies / "first", _FIRST, self.side)
            save_series(studies / "series", slices, self.side)
        scratch.mkdir()
        places = (weights, studies / "first", studies / "series", scratch)
        done = subprocess.run(
            [sys.executable, str(_PEAK), way, *map(str, places)], capture_output=True, text=True, check=True
        )
        peak, answer = done.stdout.split()[-2:]
        return int(peak), int(answer)

    def studies(self, slices: int) -> Path:
        """Of one size: the series in `series`, and a small one."""
        return self.folder / f"studies-{slices}"
