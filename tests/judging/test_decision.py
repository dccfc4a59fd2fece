"""When a challenger may be served, by figures alone."""

import re

import pytest

from sdseg.evaluation.overlap import Overlap
from sdseg.judging.decision import Pair, compare, decide, pair_of
from sdseg.judging.judgement import Judgement
from sdseg.judging.report import as_markdown

FOUND, MISSED, FALSE, NEITHER = Overlap(5, 5, 5), Overlap(0, 0, 5), Overlap(0, 5, 0), Overlap(0, 0, 0)


def pairs(*scores: tuple[float, float]) -> list[Pair]:
    """One image a patient."""
    return [Pair(f"patient {number}", *both) for number, both in enumerate(scores)]


@pytest.mark.parametrize(
    ("champion", "challenger", "wanted"),
    [
        (FOUND, MISSED, (1, 0)),
        (MISSED, MISSED, (0, 0)),
        (NEITHER, NEITHER, None),
        (NEITHER, FALSE, (1, 0)),
        (FALSE, NEITHER, (0, 1)),
        (FALSE, FALSE, (0, 0)),
    ],
)
def test_empty_masks(champion: Overlap, challenger: Overlap, wanted: tuple[float, float] | None) -> None:
    assert pair_of(champion, challenger) == wanted


@pytest.mark.parametrize(
    ("scores", "accepted", "words"),
    [
        ([(0.5, 0.6), (0.6, 0.7), (0.7, 0.8)], True, r"brain Dice 0.700 after 0.600, \+0.100 \[.*\], 3 patients"),
        ([(0.5, 0.5), (0.6, 0.6)], True, r"\+0.000 \[\+0.000, \+0.000\]"),
        ([(0.5, 0.495), (0.6, 0.595)], True, "Not worse by more than 0.01"),
        ([(0.5, 0.48), (0.6, 0.58)], False, r"is worse by more than 0.01: brain .* -0.020"),
        ([(0.5, 0.9), (0.6, 0.5)], False, "may be worse by more than 0.01, and more validation patients would tell"),
        ([(0.5, 0.6)], True, "from one patient there is no interval, so the mean decided"),
        ([(0.5, 0.4)], False, "the mean decided"),
        ([(0.8, 0.0), (0.8, 0.0)], False, "worse"),
        ([], False, "show none of the structures"),
    ],
)
def test_one_structure(scores: list[tuple[float, float]], accepted: bool, words: str) -> None:
    decided, reason = decide([compare("brain", pairs(*scores), 0.01)], 0.01, 0)
    assert decided is accepted
    assert re.search(words, reason), reason
    assert reason.endswith(".") and "\n" not in reason


def test_equal_scores_are_accepted_without_any_margin() -> None:
    assert decide([compare("brain", pairs((0.1 + 0.2, 0.3), (0.7, 0.7)), 0.0)], 0.0, 0)[0]


def test_one_structure_that_got_worse_is_enough() -> None:
    better, worse = pairs((0.5, 0.9), (0.5, 0.9)), pairs((0.5, 0.3), (0.5, 0.3))
    classes = [compare("liver", better, 0.01), compare("spleen", worse, 0.01), compare("kidney", [], 0.01)]
    accepted, reason = decide(classes, 0.01, 2)
    assert not accepted and "spleen" in reason and "liver" not in reason
    assert "2 validation images could not be read" in reason


def test_a_structure_that_nobody_shows_is_named() -> None:
    seen, unseen = compare("liver", pairs((0.5, 0.6), (0.6, 0.7)), 0.01), compare("spleen", [], 0.01)
    accepted, reason = decide([seen, unseen], 0.01, 0)
    assert accepted and reason.endswith("2 patients; not judged, for no validation image shows it: spleen.")
    accepted, reason = decide([unseen], 0.01, 0)
    assert not accepted and "show none of the structures" in reason and "spleen" not in reason


def test_patients_are_drawn_and_not_images() -> None:
    """Twenty images of one patient are no more certain than one."""
    one = [Pair("a", 0.5, 0.6)] * 20
    assert compare("brain", one, 0.01).low is None
    found = compare("brain", [*one, Pair("b", 0.5, 0.4)], 0.01)
    assert found.patients == 2 and found.low == pytest.approx(-0.1) and found.worse


def test_a_report_for_people() -> None:
    classes = (compare("brain", pairs((0.5, 0.6), (0.6, 0.7)), 0.01), compare("cup", [], 0.01))
    text = as_markdown(Judgement(True, "Not worse.", 0.01, "a" * 64, "b" * 64, classes, 2, 2))
    assert "# Accepted\n\nNot worse." in text and "| brain | 0.550 | 0.650 | +0.100 [" in text
    assert "| cup |  |  |  | 0 | 0 | not in the images |" in text and "a" * 64 in text
