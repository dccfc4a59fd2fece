"""Planes x sign flips x oblique x widths x slice counts x segmentation types: every voxel where its source is."""

import itertools
from pathlib import Path

import numpy as np
import pytest
from helpers.dicom_enhanced import EnhancedMaker
from helpers.dicom_pictures import PictureMaker
from helpers.dicom_series import SeriesMaker, orientations
from oracles.cases import CODES, case, mask_of
from oracles.independent import complaints

from sdseg.dicom.seg_reader import read_seg

KINDS = ("BINARY", "LABELMAP")
# (slices, rows, columns): bits of a frame that fill whole bytes and that do not, few slices and many
SHAPES = [(6, 20, 24), (2, 7, 9), (3, 13, 21), (17, 11, 5), (33, 8, 16), (5, 1, 13)]
MASKS = ("scattered", "one frame", "corner", "all")


def check(maker: SeriesMaker, what: str, kind: str, folder: Path) -> None:
    """Build the SEG and hold it against its sources by code of the tests and by the product's reader."""
    shape = (maker.slices, maker.rows, maker.columns)
    made = case(maker, mask_of(shape, what), kind, folder)
    names = [name for name in made.labels if name in made.counts]
    numbers = np.zeros(4, dtype=np.uint8)
    for number, name in enumerate(names, 1):
        numbers[made.labels[name]] = number
    codes = {number: CODES[name] for number, name in enumerate(names, 1)}
    assert complaints(made.seg, made.sources, numbers[made.mask], codes) == []
    found, labels = read_seg(made.seg, made.series)
    assert labels == {name: number for number, name in enumerate(names, 1)}
    np.testing.assert_array_equal(found, numbers[made.mask])


@pytest.mark.parametrize("name", orientations())
@pytest.mark.parametrize("kind", KINDS)
def test_every_orientation(kind: str, name: str, tmp_path: Path) -> None:
    index = list(orientations()).index(name)
    slices, rows, columns = SHAPES[index % len(SHAPES)]
    maker = SeriesMaker(slices, rows, columns, orientation=orientations()[name])
    check(maker, MASKS[index // 6 % len(MASKS)], kind, tmp_path)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_every_shape_with_every_mask(kind: str, shape: tuple[int, int, int], tmp_path: Path) -> None:
    names = itertools.cycle(("axial+--oblique", "coronal-+", "sagittal---oblique", "axial-+"))
    for what, name in zip(MASKS, names, strict=False):
        maker = SeriesMaker(*shape, orientation=orientations()[name], modality="MR", pixel_spacing=(0.31, 1.7))
        check(maker, what, kind, tmp_path / what)


@pytest.mark.parametrize("modality", ["CT", "MR", "PT"])
@pytest.mark.parametrize("kind", KINDS)
def test_frames_of_one_instance(kind: str, modality: str, tmp_path: Path) -> None:
    """Stored in another order than they lie."""
    for what, name in zip(MASKS, ("axial++", "coronal-+-oblique", "sagittal-+", "axial---oblique"), strict=True):
        maker = EnhancedMaker(rows=13, columns=9, modality=modality, orientation=orientations()[name])
        check(maker, what, kind, tmp_path / what)


@pytest.mark.parametrize("picture", ["ES", "XC", "OP", "CR", "DX"])
@pytest.mark.parametrize("kind", KINDS)
def test_pictures_without_a_place(kind: str, picture: str, tmp_path: Path) -> None:
    """One by one, and several in a series, which only their references tell apart."""
    for slices, what in ((1, "corner"), (1, "scattered"), (3, "scattered"), (3, "one frame")):
        maker = PictureMaker(slices, rows=13, columns=9, kind=picture)
        check(maker, what, kind, tmp_path / f"{slices} {what}")
