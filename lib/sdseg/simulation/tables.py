"""The tables of a simulation."""

from __future__ import annotations

from collections.abc import Callable
from statistics import mean

from sdseg.evaluation.report import Cell, Table
from sdseg.simulation.records import Round
from sdseg.simulation.results import Results, spread_of


def dice_table(results: Results) -> Table:
    """Dice against the number of labels, and the paired difference to asking at random."""
    others = [strategy for strategy in results.strategies if strategy != results.baseline]
    rows = [_dice_row(results, others, [number], str(results.labels(number))) for number in results.numbers]
    asked = [number for number in results.numbers if number]
    if len(asked) > 1:
        rows.append(_dice_row(results, others, asked, "all rounds"))
    heads = [f"{name} − {results.baseline}, [95 %] over {luck}" for name in others for luck in ("seeds", "patients")]
    return Table(
        "dice",
        "Dice on the validation part",
        ("images labelled", *results.strategies, *heads),
        tuple(rows),
        (
            f"Mean over {len(results.seeds)} seeds (lowest to highest). Dice of a picture, or of all slices of a "
            "volume together, on the model's grid.",
            "Differences are paired by seed, round and case. Over seeds: the luck of start, draws and training; over "
            "patients: that of the validation part. One seed, or one patient, has no interval.",
        ),
    )


def work_table(results: Results, speed: float) -> Table:
    """What the annotator paints."""
    rows = [
        _work_row(results, strategy, number, speed)
        for number in results.numbers
        if number
        for strategy in results.strategies
        if results.of(strategy, number)
    ]
    asked = ("images labelled before", "strategy", "voxels an image, alone", "with help")
    saved = ("minutes saved an image", "minutes saved in the round")
    judged = ("voxels a validation image, alone", "with help after the round")
    return Table(
        "work",
        "What the annotator paints",
        (*asked, *saved, *judged),
        tuple(rows),
        (
            "Voxels of the model's grid. Alone: those of the truth. With help: those where the prediction of the model "
            "before the round differs from the truth. Mean over the seeds (lowest to highest).",
            f"Minutes: an annotator who paints or erases {speed:g} voxels a minute, an assumption; they are "
            "proportional to it. Less than 0: the prediction costs more than it saves.",
            "A strategy that asks for what is hard finds less help in the images it asks for; the validation images "
            "are the same for all.",
        ),
    )


def _dice_row(results: Results, others: list[str], numbers: list[int], head: str) -> tuple[Cell, ...]:
    own = [_over_rounds(results, strategy, numbers) for strategy in results.strategies]
    if numbers == [0]:
        return (head, *own, *([None] * (2 * len(others))))
    paired = [results.difference(strategy, numbers, by) for strategy in others for by in ("seed", "patient")]
    return (head, *own, *paired)


def _over_rounds(results: Results, strategy: str, numbers: list[int]) -> str | None:
    """Each seed's mean over the rounds; of the seeds that have them all."""
    by_seed: dict[int, list[float]] = {}
    for number in numbers:
        for done in results.of(strategy, number):
            by_seed.setdefault(done.seed, []).append(done.mean_dice)
    whole = [mean(values) for values in by_seed.values() if len(values) == len(numbers)]
    return str(spread_of(whole)) if whole else None


def _work_row(results: Results, strategy: str, number: int, speed: float) -> tuple[Cell, ...]:
    def told(value: Callable[[Round], float]) -> str:
        return str(results.spread(strategy, number, value))

    return (
        results.labels(number - 1),
        strategy,
        told(lambda done: done.asked_work.alone / len(done.asked)),
        told(lambda done: done.asked_work.helped / len(done.asked)),
        told(lambda done: done.asked_work.minutes_saved(speed) / len(done.asked)),
        told(lambda done: done.asked_work.minutes_saved(speed)),
        told(lambda done: done.validation.alone / done.judged),
        told(lambda done: done.validation.helped / done.judged),
    )
