"""Intervals and paired tests on numbers whose answer is known."""

import numpy as np
import pytest
from scipy.stats import norm

from sdseg.evaluation.bootstrap import Interval, bootstrap_mean
from sdseg.evaluation.comparison import compare, holm, signed_rank
from sdseg.evaluation.overlap import Outcome
from sdseg.evaluation.records import Level, Metric, Score


def scores(values, model: str = "a", groups=None) -> list[Score]:  # type: ignore[no-untyped-def]
    return [
        Score(
            *(f"case{n}", groups[n] if groups else f"case{n}", model, 1, "organ", Level.IMAGE, 0, Metric.DICE, value),
            Outcome.BOTH_EMPTY if value is None else Outcome.SCORED,
        )
        for n, value in enumerate(values)
    ]


def test_interval_of_the_mean_is_the_usual_one() -> None:
    values = np.random.default_rng(0).normal(5, 2, 200).tolist()
    interval = bootstrap_mean(values, [str(n) for n in range(200)])
    assert interval is not None
    half = norm.ppf(0.975) * np.std(values) / np.sqrt(200)
    assert interval.mean == pytest.approx(np.mean(values))
    assert (interval.low, interval.high) == pytest.approx((interval.mean - half, interval.mean + half), abs=0.03)
    assert (interval.items, interval.groups) == (200, 200)


def test_two_groups_by_hand() -> None:
    """Of two groups with the means 0 and 1, one draw in four holds only the first, one only the second."""
    interval = bootstrap_mean([0.0, 0.0, 1.0, 1.0], ["p", "p", "q", "q"])
    assert interval == Interval(0.5, 0.0, 1.0, 4, 2)


def test_images_of_one_patient_do_not_narrow_the_interval() -> None:
    values, groups = [0.2, 0.5, 0.9, 0.4], ["p", "q", "r", "s"]
    once, often = bootstrap_mean(values, groups), bootstrap_mean(values * 50, groups * 50)
    assert once is not None and often is not None
    assert (often.low, often.high) == pytest.approx((once.low, once.high))
    apart = bootstrap_mean(values * 50, [str(n) for n in range(200)])
    assert apart is not None and apart.high - apart.low < 0.4 * (once.high - once.low)  # type: ignore[operator]


def test_unequal_groups_weigh_by_their_images() -> None:
    interval = bootstrap_mean([1.0, 1.0, 1.0, 0.0], ["p", "p", "p", "q"])
    assert interval is not None and interval.mean == 0.75


def test_one_patient_has_no_interval() -> None:
    assert bootstrap_mean([0.5, 0.7], ["p", "p"]) == Interval(0.6, None, None, 2, 1)
    assert bootstrap_mean([], []) is None


def test_the_seed_decides() -> None:
    values, groups = [0.1, 0.5, 0.9, 0.35, 0.2], list("abcde")
    assert bootstrap_mean(values, groups, 1, 500) == bootstrap_mean(values, groups, 1, 500)
    assert bootstrap_mean(values, groups, 1, 500) != bootstrap_mean(values, groups, 2, 500)


def test_order_does_not_matter() -> None:
    values, groups = [0.1, 0.5, 0.9, 0.3], ["b", "a", "c", "a"]
    mixed = [2, 0, 3, 1]
    again = bootstrap_mean([values[n] for n in mixed], [groups[n] for n in mixed])
    first = bootstrap_mean(values, groups)
    assert first is not None and again is not None
    assert (again.low, again.high) == pytest.approx((first.low, first.high))


def test_the_better_model_wins() -> None:
    generator = np.random.default_rng(1)
    weak = generator.uniform(0.5, 0.8, 30)
    strong = weak + generator.uniform(0.02, 0.1, 30)
    result = compare(scores(weak.tolist()), scores(strong.tolist(), "b"))
    assert result is not None
    assert result.difference.mean == pytest.approx(float((strong - weak).mean()))
    assert result.difference.low is not None and result.difference.low > 0
    assert result.p == pytest.approx(2**-29)  # all thirty differences have one sign: 2 / 2^30


def test_equal_models_do_not() -> None:
    generator = np.random.default_rng(2)
    first, second = (generator.normal(0.7, 0.1, 40).tolist() for _ in range(2))
    result = compare(scores(first), scores(second, "b"))
    assert result is not None and result.p > 0.1
    assert result.difference.low < 0 < result.difference.high  # type: ignore[operator]
    same = compare(scores(first), scores(first, "b"))
    assert same is not None and same.p == 1.0 and same.difference.mean == 0


def test_only_common_items_are_compared() -> None:
    result = compare(scores([0.5, None, 0.5]), scores([0.6, 0.9, None], "b"))
    assert result is not None
    assert result.difference.items == 1
    assert result.difference.mean == pytest.approx(0.1)
    assert compare(scores([None]), scores([0.5], "b")) is None


def test_patients_are_tested_not_images() -> None:
    """Six images of one patient that all got better are one observation."""
    groups = ["p"] * 6
    assert signed_rank([0.1, 0.2, 0.3, 0.4, 0.5, 0.6], groups) == 1.0
    assert signed_rank([0.1, 0.2, 0.3, 0.4, 0.5, 0.6], list("abcdef")) == 2 / 2**6


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


@pytest.mark.parametrize(
    ("interval", "text"),
    [
        (Interval(0.91234, 0.9, 0.95, 3, 3), "0.912 [0.900, 0.950]"),
        (Interval(-0.0125, -0.03, 0.01, 3, 3, signed=True), "-0.013 [-0.030, +0.010]"),
        (Interval(12.345, 10, 15, 3, 3), "12.3 [10.0, 15.0]"),
        (Interval(0.5, None, None, 1, 1), "0.500"),
    ],
)
def test_intervals_read_well(interval: Interval, text: str) -> None:
    assert str(interval) == text
