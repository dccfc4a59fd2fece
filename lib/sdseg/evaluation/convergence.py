"""Dice against the number of DDIM steps: is one step enough? (paper, figure 2 and 6)"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sdseg.evaluation.accuracy import score_cases
from sdseg.evaluation.bootstrap import Interval
from sdseg.evaluation.case_scores import Scoring
from sdseg.evaluation.contestants import Contestant
from sdseg.evaluation.plan import Plan, Update
from sdseg.evaluation.records import Metric
from sdseg.evaluation.report import Table
from sdseg.evaluation.score_book import ScoreBook
from sdseg.volume.example import Example

Curve = dict[int, Interval]


def convergence_scores(
    contestants: Sequence[Contestant],
    examples: Sequence[Example],
    labels: Mapping[str, int],
    plan: Plan,
    progress: Update,
) -> ScoreBook:
    """Scores of every model with each number of steps; a model without steps is scored once."""
    variants: list[Contestant] = []
    for contestant in contestants:
        counts = plan.step_counts if contestant.takes_steps else (contestant.steps,)
        variants += [contestant.with_steps(steps) for steps in counts]
    scoring = Scoring(labels, surfaces=False)
    scores = score_cases(variants, examples, scoring, plan.seed, plan.batch_size, progress)
    return ScoreBook(scores, plan.seed, plan.resamples)


def convergence_curves(book: ScoreBook) -> dict[str, Curve]:
    """Model -> number of steps -> Dice of the last structure (the mean, where there are several)."""
    level, structure = book.levels[0], book.structures[-1]
    curves: dict[str, Curve] = {}
    for model in book.models:
        counts = sorted({score.steps for score in book.scores if score.model == model})
        means = {n: book.mean(book.select(model, structure, level, Metric.DICE, n)) for n in counts}
        curves[model] = {steps: mean for steps, mean in means.items() if mean is not None}
    return curves


def convergence_table(book: ScoreBook, steppers: Sequence[str]) -> Table:
    """One row a model and number of steps; `steppers` are the models that have steps."""
    rows = tuple(
        (model, steps if model in steppers else None, mean)
        for model, curve in convergence_curves(book).items()
        for steps, mean in curve.items()
    )
    notes = (
        f"Dice of {book.structures[-1]}, each {book.levels[0].value}, with the noise of seed {book.seed}. One step: "
        "the paper's closed form; more: DDIM without noise, trailing spacing. – in the column of the steps: the model "
        "has no reverse process.",
    )
    return Table("convergence", "Convergence over DDIM steps", ("model", "steps", "Dice [95%]"), rows, notes)
