"""Which image is asked for next: unsure ones, and none twice."""

import math

import numpy as np
import pytest

from sdseg.selection import Score, rank


def score(uncertainty: float | None, *direction: float) -> Score:
    vector = np.array(direction, dtype=np.float32)
    return Score(uncertainty, vector / np.linalg.norm(vector))


def ids(scores: dict[str, Score], *labelled: Score, count: int | None = None) -> list[str]:
    return [one.id for one in rank(scores, [each.embedding for each in labelled], count)]


def test_the_most_uncertain_of_different_images_comes_first() -> None:
    assert ids({"a": score(0.2, 1, 0, 0), "b": score(0.9, 0, 1, 0), "c": score(0.5, 0, 0, 1)}) == ["b", "c", "a"]


def test_ten_images_that_are_nearly_the_same_are_asked_for_once() -> None:
    alike = {f"alike{n}": score(0.9, 1, 0.001 * n) for n in range(10)}
    others = {"other1": score(0.3, 0, 1), "other2": score(0.2, -1, 0)}
    order = ids({**alike, **others})
    assert order[0].startswith("alike")
    assert set(order[1:3]) == {"other1", "other2"}
    assert len(order) == 12  # the rest comes, last


def test_what_resembles_a_labelled_image_comes_last() -> None:
    scores = {"known": score(1.0, 1, 0), "new": score(0.1, 0, 1)}
    assert ids(scores, score(None, 1, 0)) == ["new", "known"]
    known = rank(scores, [score(None, 1, 0).embedding])[-1]
    assert (known.value, known.novelty, known.uncertainty) == (0, 0, 1.0)


def test_value_is_uncertainty_times_distance() -> None:
    (one,) = rank({"a": score(0.5, 0, 1)}, [score(None, 1, 0).embedding, score(None, -1, 0).embedding])
    assert one.novelty == pytest.approx(math.sqrt(2))
    assert one.value == pytest.approx(0.5 * math.sqrt(2))


def test_an_image_in_which_nothing_was_found_counts_as_the_median() -> None:
    scores = {"low": score(0.1, 1, 0, 0), "none": score(None, 0, 1, 0), "mid": score(0.3, 0, 0, 1)}
    scores["high"] = score(0.9, -1, 0, 0)
    order = ids(scores)
    assert order[0] == "high"
    assert order[-1] == "low"
    assert rank(scores, [])[order.index("none")].uncertainty is None


def test_without_any_uncertainty_the_distance_decides() -> None:
    scores = {"near": score(None, 1, 0.1), "far": score(None, -1, 0)}
    assert ids(scores, score(None, 1, 0)) == ["far", "near"]


def test_equal_images_come_by_id_and_no_more_than_asked_for() -> None:
    same = {name: score(0.5, 1, 0) for name in "cab"}
    assert ids(same) == ["a", "b", "c"]
    assert ids(same, count=2) == ["a", "b"]
    assert ids(same, count=9) == ["a", "b", "c"]
    assert ids({}) == []


@pytest.mark.parametrize("wrong", [-0.1, 1.1, math.nan])
def test_a_score_is_a_share(wrong: float) -> None:
    with pytest.raises(ValueError, match="from 0 to 1"):
        score(wrong, 1, 0)


def test_an_embedding_is_a_finite_vector() -> None:
    for wrong in (np.zeros((2, 2), np.float32), np.zeros(0, np.float32), np.array([np.nan], np.float32)):
        with pytest.raises(ValueError, match="finite vector"):
            Score(0.5, wrong)
