"""Overlap and outlines of shapes whose figures are known."""

import math

import numpy as np
import pytest

from sdseg.errors import LabelError
from sdseg.evaluation.cases import slice_axis, spacing_of
from sdseg.evaluation.overlap import Outcome, Overlap, check_same_grid, slice_overlaps, volume_overlap
from sdseg.evaluation.surface import SurfaceScore, surface_score


def disc(radius: float, centre: tuple[float, float] = (40, 40), size: int = 80) -> np.ndarray:
    i, j = np.mgrid[:size, :size]
    return (i - centre[0]) ** 2 + (j - centre[1]) ** 2 <= radius**2


@pytest.mark.parametrize(
    ("counts", "dice", "iou", "authors", "outcome"),
    [
        ((2, 4, 4), 0.5, 1 / 3, 0.5, Outcome.SCORED),
        ((0, 4, 4), 0.0, 0.0, 0.0, Outcome.SCORED),
        ((0, 0, 4), 0.0, 0.0, 0.0, Outcome.MISSED),
        ((0, 4, 0), 0.0, 0.0, 1.0, Outcome.FALSE_POSITIVE),
        ((0, 0, 0), None, None, 0.0, Outcome.BOTH_EMPTY),
        ((4, 4, 4), 1.0, 1.0, 1.0, Outcome.SCORED),
    ],
)
def test_overlap(counts, dice, iou, authors, outcome) -> None:  # type: ignore[no-untyped-def]
    overlap = Overlap(*counts)
    assert (overlap.dice, overlap.iou, overlap.authors_dice, overlap.outcome) == (dice, iou, authors, outcome)


def test_more_shared_than_there_is_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot be shared"):
        Overlap(5, 4, 9)


def test_dice_of_discs() -> None:
    """A disc within another one twice as wide: 2 r^2 / (r^2 + 4 r^2) = 0.4, up to the pixels of the rim."""
    overlap = volume_overlap(disc(15)[..., None], disc(30)[..., None])
    assert overlap.dice == pytest.approx(0.4, abs=0.005)
    assert overlap.iou == pytest.approx(0.25, abs=0.005)


@pytest.mark.parametrize("seed", range(5))
def test_properties_of_the_overlap(seed: int) -> None:
    generator = np.random.default_rng(seed)
    a, b = generator.random((2, 6, 7, 5)) > generator.random()
    overlap = volume_overlap(a, b)
    assert volume_overlap(b, a).dice == overlap.dice  # symmetric
    order = generator.permutation(a.size)
    moved = [mask.ravel()[order].reshape(a.shape) for mask in (a, b)]
    assert volume_overlap(*moved) == overlap  # the place of a voxel does not matter
    assert overlap.dice is not None and overlap.iou is not None
    assert overlap.dice == pytest.approx(2 * overlap.iou / (1 + overlap.iou))
    for axis in range(3):
        parts = slice_overlaps(a, b, axis)
        assert len(parts) == a.shape[axis]
        assert sum(part.shared for part in parts) == overlap.shared
        assert sum(part.predicted for part in parts) == overlap.predicted


def test_slices_are_counted_along_their_axis() -> None:
    prediction, reference = np.zeros((2, 4, 3, 2), bool)
    prediction[1], reference[1] = True, True
    reference[3] = True
    dice = [overlap.dice for overlap in slice_overlaps(prediction, reference, 0)]
    assert dice == [None, 1.0, None, 0.0]


def test_other_grids_are_refused() -> None:
    with pytest.raises(LabelError, match="case-7"):
        check_same_grid(np.zeros((2, 3, 1), np.uint8), np.zeros((3, 2, 1), np.uint8), "case-7")


def test_shifted_square_in_pixels_and_mm() -> None:
    """Squares, one moved by three pixels along i: each outline's far side is three pixels from the other's."""
    a, b = np.zeros((2, 40, 40), bool)
    a[10:20, 10:20], b[13:23, 10:20] = True, True
    assert surface_score(a, b, (1, 1), 1.0).hd95 == 3.0
    assert surface_score(a, b, (0.5, 1), 1.0).hd95 == 1.5
    assert surface_score(a, b, (1, 2), 1.0) == surface_score(b, a, (1, 2), 1.0)


def test_surface_dice_of_a_moved_square_is_counted_by_hand() -> None:
    """Against the definition, pixel by pixel: outlines of 36 pixels each."""
    a, b = np.zeros((2, 40, 40), bool)
    a[10:20, 10:20], b[13:23, 10:20] = True, True

    def near(outline: set[tuple[int, int]], other: set[tuple[int, int]]) -> int:
        return sum(any(math.dist(p, q) <= 1 for q in other) for p in outline)

    def outline(low: int) -> set[tuple[int, int]]:
        rows, columns = range(low, low + 10), range(10, 20)
        return {(i, j) for i in rows for j in columns if i in (low, low + 9) or j in (10, 19)}

    first, second = outline(10), outline(13)
    expected = (near(first, second) + near(second, first)) / 72
    assert 0 < expected < 1
    assert surface_score(a, b, (1, 1), 1.0).surface_dice == pytest.approx(expected)
    assert surface_score(a, b, (1, 1), 3.0).surface_dice == 1.0


def test_concentric_discs() -> None:
    score = surface_score(disc(20), disc(30), (1, 1), 2.0)
    assert score.hd95 == pytest.approx(10, abs=0.8)
    assert score.surface_dice == 0.0


def test_boxes_in_three_dimensions_use_the_thickness_of_slices() -> None:
    a, b = np.zeros((2, 20, 20, 12), bool)
    a[5:15, 5:15, 2:6], b[5:15, 5:15, 2:8] = True, True
    assert surface_score(a, b, (1, 1, 2.5), 1.0).hd95 == 5.0


def test_outlines_of_empty_masks() -> None:
    empty, full = np.zeros((9, 9), bool), np.ones((9, 9), bool)
    assert surface_score(empty, full, (1, 1), 1.0) == SurfaceScore(None, 0.0)
    assert surface_score(full, empty, (1, 1), 1.0) == SurfaceScore(None, 0.0)
    assert surface_score(empty, empty, (1, 1), 1.0) == SurfaceScore(None, None)
    assert surface_score(full, full, (1, 1), 1.0) == SurfaceScore(0.0, 1.0)


def test_slices_of_a_sagittal_volume_seen_axially() -> None:
    affine = np.array([[0, 0, 3.0, 0], [-1.5, 0, 0, 0], [0, -2.0, 0, 0], [0, 0, 0, 1]])
    assert spacing_of(affine) == (1.5, 2.0, 3.0)
    assert [slice_axis(affine, orientation) for orientation in ("LPS", "PIR", "LIA")] == [1, 2, 0]
