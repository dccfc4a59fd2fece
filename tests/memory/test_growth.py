"""Ten times the slices, hardly more memory: what a slice costs beyond the source it came from.

The bound of item "a volume, not slices": from 100 to 1,000 slices of 512 x 512 less than 100 MB beyond the source.
"""

from pathlib import Path

import pytest
from memory.measuring import CT, MR, Bench, Way

from sdseg.dicom.seg_reader import read_seg
from sdseg.dicom.series import load_series
from sdseg.volume.window import Window

BOUND = 100e6 / 900
"""Bytes a slice, whatever its size: most of them are its header and what the SEG says of its frame."""


def growth(bench: Bench, few: int, many: int, way: Way = "files") -> float:
    """Bytes a slice."""
    (first, _), (last, answer) = bench.peak(few, way), bench.peak(many, way)
    assert answer > (20_000 if way == "files" else many * bench.side**2), "the server answers with a byte a voxel"
    return (last - first) / (many - few)


@pytest.mark.slow
def test_slices_of_128(tmp_path: Path) -> None:
    """A path that holds the volume as floats takes half as much again as the bound even of so small slices."""
    bench = Bench(tmp_path, 128)
    assert growth(bench, 40, 240) < BOUND
    seg, series = tmp_path / "240-files" / "seg.dcm", load_series(bench.studies(240) / "series", pixels="later")
    assert 0.01 < (read_seg(seg, series)[0] > 0).mean() < 1


def test_slices_of_128_on_the_server(tmp_path: Path) -> None:
    """With the mask as the answer and the SEG filed."""
    bench = Bench(tmp_path, 128)
    assert growth(bench, 40, 240, "server") < BOUND
    files = [path for path in bench.studies(240).rglob("*.dcm") if path.parent.name not in ("first", "series")]
    mask, _ = read_seg(max(files, key=lambda path: path.stat().st_size), load_series(bench.studies(240) / "series"))
    assert 0.01 < (mask > 0).mean() < 1


@pytest.mark.long
@pytest.mark.parametrize("way", ["files", "server"])
@pytest.mark.parametrize("window", [CT, MR], ids=["CT", "MR"])
def test_a_thousand_slices_of_512(tmp_path: Path, window: Window, way: Way) -> None:
    assert growth(Bench(tmp_path, 512, window), 100, 1000, way) < BOUND
