"""What a label began from, and of which slices it speaks."""

from pathlib import Path

import numpy as np
import pytest

from sdseg.corrections.origin import origin_of
from sdseg.corrections.predictions import Predictions
from sdseg.corrections.slices import UNLABELLED, check_slices, labelled_slices, without_unlabelled
from sdseg.errors import LabelError

A, B = "a" * 64, "b" * 64


def found(*slices: int, value: int = 1) -> np.ndarray:
    """(i, j, k) with a square in some slices."""
    labelmap = np.zeros((6, 5, 4), np.uint8)
    labelmap[1:4, 1:3, list(slices)] = value
    return labelmap


def facts(weights: str = A, seed: int = 0) -> dict[str, object]:
    return {"weights_sha256": weights, "seed": seed, "model_name": "m"}


@pytest.fixture
def predictions(tmp_path: Path) -> Predictions:
    return Predictions(tmp_path / "predictions")


def test_the_last_of_each_weights_is_remembered(predictions: Predictions) -> None:
    assert predictions.of("1.2") == []
    predictions.remember("1.2", found(0), {"brain": 1}, facts(A, seed=1))
    predictions.remember("1.2", found(1), {"brain": 1}, facts(B, seed=2))
    predictions.remember("1.2", found(2), {"brain": 1}, facts(A, seed=3))
    kept = predictions.of("1.2")
    assert [(one.facts["weights_sha256"], one.facts["seed"]) for one in kept] == [(A, 3), (B, 2)]
    assert (kept[0].labelmap == found(2)).all() and kept[0].values == {"brain": 1}
    assert predictions.of("3.4") == []


def test_they_are_bounded_and_a_damaged_one_is_none(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (40, 40, 40)).astype(np.uint8)
    small = Predictions(tmp_path, limit=3 * noise.size)
    for number in range(6):
        small.remember(str(number), noise, {"brain": 1}, facts())
    assert [number for number in range(6) if small.of(str(number))] == [4, 5]
    for letter in "cdefgh":
        small.remember("one", found(0), {"brain": 1}, facts(letter * 64))
    assert [one.facts["weights_sha256"][0] for one in small.of("one")] == ["h", "g", "f", "e"]
    for path in tmp_path.rglob("*.prediction"):
        path.write_bytes(path.read_bytes()[:-30])
    assert small.of("one") == []


def test_changed_voxels_and_slices_are_counted_by_name(predictions: Predictions) -> None:
    """The annotator calls the brain 3; one voxel is gone, two are new in another slice."""
    predictions.remember("1.2", found(0, 1), {"brain": 1, "liver": 2}, facts(A, seed=5))
    label = found(0, 1, value=3)
    label[1, 1, 0] = 0
    label[0, 0, 3] = label[5, 4, 3] = 3
    origin = origin_of(predictions.of("1.2"), label, {"Brain": 3}, None)
    assert origin is not None
    assert origin.edited == {"weights_sha256": A, "seed": 5, "voxels": 3, "slices": 2}
    assert origin.changed[1, 1, 0] and origin.changed[0, 0, 3] and origin.changed.sum() == 3


def test_another_structure_is_a_change_and_one_that_is_not_named_too(predictions: Predictions) -> None:
    predictions.remember("1.2", found(0, value=2), {"brain": 1, "liver": 2}, facts())
    for label, values in ((found(0), {"brain": 1, "liver": 2}), (found(), {"brain": 1})):
        origin = origin_of(predictions.of("1.2"), label, values, None)
        assert origin is not None and origin.edited["voxels"] == 6


def test_of_several_it_is_the_one_that_fits_best(predictions: Predictions) -> None:
    """The model was replaced while the annotator still corrected a result of the old one."""
    predictions.remember("1.2", found(0, 1), {"brain": 1}, facts(A))
    predictions.remember("1.2", found(3), {"brain": 1}, facts(B))
    label = found(0, 1)
    label[1, 1, 0] = 0
    origin = origin_of(predictions.of("1.2"), label, {"brain": 1}, None)
    assert origin is not None and origin.edited["weights_sha256"] == A


def test_a_prediction_of_another_grid_or_of_later_is_not_where_it_began(predictions: Predictions) -> None:
    predictions.remember("1.2", found(0), {"brain": 1}, facts())
    made = predictions.of("1.2")[0].made
    assert origin_of(predictions.of("1.2"), found(0)[:, :, :3], {"brain": 1}, None) is None
    assert origin_of(predictions.of("1.2"), found(0), {"brain": 1}, made - 1) is None
    assert origin_of(predictions.of("1.2"), found(0), {"brain": 1}, made + 1) is not None


def test_which_slices_a_label_speaks_of() -> None:
    assert labelled_slices(None, True, found(1)) == "all"
    assert labelled_slices(None, False, found(1, 3)) == [1, 3]
    assert labelled_slices("all", False, found(1)) == "all"
    assert labelled_slices([3, 0, 3], True, found(1)) == [0, 3]
    for wrong in ([], [4], [-1], [1.0], [True], "some", {"a": 1}, 3):
        with pytest.raises(LabelError):
            labelled_slices(wrong, False, found(1))
    assert check_slices([7]) == [7], "where nobody knows how many there are"


def test_unlabelled_slices_are_not_background() -> None:
    label = found(1)
    marked = without_unlabelled(label, [1, 2])
    assert (marked[:, :, [0, 3]] == UNLABELLED).all()
    assert (marked[:, :, [1, 2]] == label[:, :, [1, 2]]).all()
    assert (without_unlabelled(label, "all") == label).all()
