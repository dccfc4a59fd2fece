"""Ten times the slices, hardly more memory: what a slice costs beyond the source it came from.

The bound of item "a volume, not slices": from 100 to 1,000 slices of 512 x 512 less than 100 MB beyond the source.
"""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from helpers.dicom_series import SeriesMaker
from helpers.models import save_tiny_weights

from sdseg.dicom.seg_reader import read_seg
from sdseg.dicom.series import load_series
from sdseg.volume.window import Window

BOUND = 100e6 / 900
"""Bytes a slice, whatever its size: most of them are its header and what the SEG says of its frame."""
PEAK = Path(__file__).with_name("peak.py")


def save_series(folder: Path, slices: int, side: int) -> Path:
    """A ball in a box, a slice at a time."""
    maker = SeriesMaker(slices=slices, rows=side, columns=side)
    folder.mkdir()
    rows, columns = np.mgrid[:side, :side] - side / 2
    for index in range(slices):
        ball = np.hypot(rows, columns) < side / 3
        plane = (ball * 1000 + (rows + index) % 50).astype(np.int16)
        maker.dataset(index, plane).save_as(folder / f"{index}.dcm", enforce_file_format=True)
    return folder


def peak(weights: Path, series: Path) -> int:
    """Bytes that a process held at most, once its libraries and its model were warm."""
    seg = series.with_suffix(".seg.dcm")
    first = series.parent / "first"
    command = [sys.executable, str(PEAK), *map(str, (weights, first, series, seg))]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert seg.stat().st_size > 20_000
    return int(done.stdout.split()[-1])


def growth(folder: Path, few: int, many: int, side: int, window: Window) -> float:
    """Bytes a slice."""
    weights = save_tiny_weights(folder / "weights", CT=window)
    save_series(folder / "first", 9, side)
    peaks = [peak(weights, save_series(folder / f"{count}", count, side)) for count in (few, many)]
    return (peaks[1] - peaks[0]) / (many - few)


def test_slices_of_128(tmp_path: Path) -> None:
    """A path that holds the volume as floats takes half as much again as the bound even of so small slices."""
    assert growth(tmp_path, 40, 240, 128, Window("range", -500, 800)) < BOUND
    seg, series = tmp_path / "240.seg.dcm", load_series(tmp_path / "240", pixels="later")
    assert 0.01 < (read_seg(seg, series)[0] > 0).mean() < 1


@pytest.mark.long
@pytest.mark.parametrize("window", [Window("range", -500, 800), Window("percentile", 0.5, 99.5)], ids=["CT", "MR"])
def test_a_thousand_slices_of_512(tmp_path: Path, window: Window) -> None:
    assert growth(tmp_path, 100, 1000, 512, window) < BOUND
