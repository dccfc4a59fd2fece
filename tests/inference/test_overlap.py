"""The one number for uncertainty: against the definition, pair by pair, and on cases known by hand."""

from itertools import combinations

import numpy as np
import pytest

from sdseg.inference.overlap import overall, pair_disagreement
from sdseg.inference.uncertainty import over_noises

SHAPE = (6, 5, 4)
EYE = np.eye(4)


def by_definition(masks: list[np.ndarray]) -> float:
    pairs = list(combinations(masks, 2))
    shared = sum(2 * np.count_nonzero(one & other) for one, other in pairs)
    return 1 - shared / sum(np.count_nonzero(one) + np.count_nonzero(other) for one, other in pairs)


def measured(probabilities: np.ndarray, labels: dict[str, int]) -> dict[str, float | None]:
    """Of (noises, channels, i, j, k)."""
    first, rest = probabilities[0], list(probabilities[1:])
    found = over_noises(first, lambda seed: rest[seed - 1], labels, 0, len(probabilities), EYE)
    return found.masks


@pytest.mark.parametrize("noises", [2, 3, 7])
def test_it_is_one_minus_the_dice_of_all_pairs(noises: int) -> None:
    probabilities = np.random.default_rng(noises).random((noises, 1, *SHAPE), dtype=np.float32)
    masks = [one[0] > 0.5 for one in probabilities]
    assert measured(probabilities, {"brain": 1})["brain"] == pytest.approx(by_definition(masks))


def test_each_of_several_classes_is_measured_on_its_own_masks() -> None:
    probabilities = np.random.default_rng(1).random((3, 4, *SHAPE), dtype=np.float32)
    found = measured(probabilities, {"liver": 1, "spleen": 2, "stomach": 3})
    classes = probabilities.argmax(axis=1)
    for value, name in enumerate(("liver", "spleen", "stomach"), 1):
        assert found[name] == pytest.approx(by_definition([one == value for one in classes]))


def test_the_ends_of_the_scale() -> None:
    same = np.zeros((3, 1, *SHAPE), np.float32)
    same[:, :, :2] = 0.9
    apart = np.zeros((2, 1, *SHAPE), np.float32)
    apart[0, 0, 0], apart[1, 0, 3] = 0.9, 0.9
    assert measured(same, {"brain": 1}) == {"brain": 0.0}
    assert measured(apart, {"brain": 1}) == {"brain": 1.0}


def test_nothing_to_compare_gives_no_number() -> None:
    assert measured(np.zeros((3, 1, *SHAPE), np.float32), {"brain": 1}) == {"brain": None}
    assert measured(np.ones((1, 1, *SHAPE), np.float32), {"brain": 1}) == {"brain": None}
    assert pair_disagreement(np.zeros(SHAPE, np.uint8), 5) is None


def test_a_hundred_noises_do_not_overflow() -> None:
    assert pair_disagreement(np.full((64, 64, 64), 100, np.uint8), 100) == 0.0


def test_the_overall_number_leaves_out_what_nobody_found() -> None:
    assert overall({"liver": 0.2, "spleen": None, "stomach": 0.4}) == pytest.approx(0.3)
    assert overall({"liver": None}) is None and overall({}) is None
