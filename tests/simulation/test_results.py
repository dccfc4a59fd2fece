"""Tables from rounds made by hand."""

from pathlib import Path

import pytest

from sdseg.errors import InputError
from sdseg.simulation.annotator import Work
from sdseg.simulation.book import Book
from sdseg.simulation.curves import draw_curves
from sdseg.simulation.records import FIRST, Asked, Round, Scored
from sdseg.simulation.results import Results, Spread
from sdseg.simulation.signal import signal_of, signal_table
from sdseg.simulation.tables import dice_table, work_table

STRATEGIES = ("random", "sdseg_uncertainty")


def played(seed: int, strategy: str, number: int, *dice: float) -> Round:
    """A round in which two images were asked for; one case a figure, of a patient each."""
    cases = {f"case{n}": value for n, value in enumerate(dice)}
    asked = (Asked("a", Work(100, 500)), Asked("b", Work(300, 700)))
    scored = (*(Scored(name, unsure, 1 - unsure) for name, unsure in (("a", 0.4), ("b", 0.3), ("c", 0.1))),)
    scored += (Scored("d", None, None),)  # nothing found, nothing there
    return Round(
        seed,
        strategy,
        number,
        labels=4 + 2 * number,
        asked=asked,
        scored=scored if strategy == "sdseg_uncertainty" else (),
        dice=cases,
        patients={case: f"patient of {case}" for case in cases},
        validation=Work(90, 400),
        judged=2,
        seconds=1.0,
    )


def results() -> Results:
    rounds = [
        *(played(seed, FIRST, 0, 0.2, 0.4) for seed in (0, 1)),
        played(0, "random", 1, 0.4, 0.6),
        played(1, "random", 1, 0.5, 0.7),
        played(0, "sdseg_uncertainty", 1, 0.5, 0.8),
        played(1, "sdseg_uncertainty", 1, 0.6, 0.9),
    ]
    return Results(rounds, STRATEGIES)


def test_differences_are_paired_by_seed_and_case() -> None:
    over_seeds = results().difference("sdseg_uncertainty", [1], "seed")
    over_patients = results().difference("sdseg_uncertainty", [1], "patient")
    assert over_seeds and over_patients
    assert over_seeds.mean == over_patients.mean == pytest.approx(0.15)
    # Both seeds gain 0.15; the two patients 0.1 and 0.2.
    assert (over_seeds.low, over_seeds.high) == pytest.approx((0.15, 0.15))
    assert (over_patients.low, over_patients.high) == pytest.approx((0.1, 0.2))


def test_the_table_of_dice_holds_mean_and_spread_and_the_start_is_shared() -> None:
    table = dice_table(results())
    assert table.columns[:3] == ("images labelled", *STRATEGIES)
    assert table.rows[0][:3] == ("4", "0.300", "0.300")
    assert table.rows[1][:3] == ("6", "0.550 (0.500 to 0.600)", "0.700 (0.650 to 0.750)")
    assert str(table.rows[1][3]) == "+0.150 [+0.150, +0.150]"


def test_the_table_of_work_counts_an_image_and_a_round() -> None:
    row = work_table(results(), speed=100).rows[0]
    assert row == (4, "random", "600", "200", "4", "8", "200", "45")


def test_the_signal_is_compared_with_the_truth() -> None:
    signal = signal_of(played(0, "sdseg_uncertainty", 1, 0.5))
    assert signal
    assert (signal.candidates, signal.empty) == (4, 1)
    assert signal.correlation == pytest.approx(1.0)
    assert signal.asked_dice == pytest.approx(0.65)
    assert signal_of(played(0, "random", 1, 0.5)) is None
    table = signal_table(results())
    assert table
    assert table.rows[0][:5] == ("sdseg_uncertainty", 4, "4", "1", "1")
    assert signal_table(Results([played(0, FIRST, 0, 0.5)], STRATEGIES)) is None


def test_a_course_that_is_not_finished_counts_with_the_rounds_it_has() -> None:
    half = Results([played(0, FIRST, 0, 0.3), played(0, "random", 1, 0.4)], STRATEGIES)
    assert half.strategies == ("random",)
    assert dice_table(half).rows == (("4", "0.300"), ("6", "0.400"))
    assert draw_curves(half).startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("spread", "text"),
    [
        (Spread(0.5, 0.4, 0.6), "0.500 (0.400 to 0.600)"),
        (Spread(0.5, 0.5, 0.5), "0.500"),
        (Spread(12.34, 1, 20), "12.3 (1.0 to 20.0)"),
        (Spread(2046.4, 900, 3000), "2046 (900 to 3000)"),
    ],
)
def test_spreads_read_well(spread: Spread, text: str) -> None:
    assert str(spread) == text


def test_a_round_survives_its_file() -> None:
    for done in (played(0, "random", 1, 0.4), played(3, "sdseg_uncertainty", 2, 0.1, 0.2)):
        assert Round.from_dict(done.to_dict()) == done


def test_a_damaged_record_and_a_folder_of_something_else_are_named(tmp_path: Path) -> None:
    book = Book(tmp_path / "book")
    book.claim({"start": 1})
    path = tmp_path / "book" / "rounds" / "seed-0" / "random-001.json"
    path.parent.mkdir(parents=True)
    for content in ("{", '{"seed": 0}'):
        path.write_text(content)
        with pytest.raises(InputError, match=r"random-001.json .*remove it"):
            book.read(0, "random", 1)
    with pytest.raises(InputError, match="another start"):
        Book(tmp_path / "book").claim({"start": 2})
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").touch()
    with pytest.raises(InputError, match="something else"):
        Book(tmp_path / "other").claim({"start": 1})
