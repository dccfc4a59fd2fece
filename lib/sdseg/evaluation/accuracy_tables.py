"""The tables about accuracy: the models' means, their differences, the ablation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

from sdseg.evaluation.bootstrap import Interval, bootstrap_mean
from sdseg.evaluation.comparison import Comparison, compare, holm
from sdseg.evaluation.overlap import Outcome
from sdseg.evaluation.records import Level, Metric, Score
from sdseg.evaluation.report import Cell, Table

DEFINITIONS = (
    "Dice = 2 |P and R| / (|P| + |R|), IoU = |P and R| / |P or R|, prediction P and reference R on the image's own "
    "voxel grid. Where both are empty there is no score: the case is counted under 'both empty' and in no mean. A "
    "structure that is missed, or found where there is none, scores 0.",
    "image: every slice or picture on its own. volume: all voxels of a case at once.",
    "Dice, authors' way: as SDSeg's published code scores, 1 for a false positive on an empty reference and 0 where "
    "both are empty; only for comparison with the paper's figures.",
    "95% intervals: percentile bootstrap over patients (videos), all images of one together; none with fewer than "
    "two, and rough with fewer than about ten.",
)


@dataclass(frozen=True)
class ScoreBook:
    """Scores to look up.

    Attributes:
        scores: of any models.
        seed: of the bootstrap.
        resamples: of the bootstrap.
    """

    scores: Sequence[Score]
    seed: int = 0
    resamples: int = 10_000

    def select(self, model: str, structure: str, level: Level, metric: Metric, steps: int | None = None) -> list[Score]:
        """The scores of one model, structure, level and metric."""
        wanted = (model, structure, level, metric)
        return [
            score
            for score in self.scores
            if (score.model, score.structure, score.level, score.metric) == wanted and steps in (None, score.steps)
        ]

    def mean(self, scores: Iterable[Score]) -> Interval | None:
        """Their mean with its interval; those without a value are left out."""
        kept = [score for score in scores if score.value is not None]
        values = [score.value for score in kept if score.value is not None]
        return bootstrap_mean(values, [score.group for score in kept], self.seed, self.resamples)

    @property
    def models(self) -> list[str]:
        return list(dict.fromkeys(score.model for score in self.scores))

    @property
    def structures(self) -> list[str]:
        """The mean of several comes last."""
        return list(dict.fromkeys(score.structure for score in self.scores))

    @property
    def levels(self) -> list[Level]:
        """Volume first, where there are volumes."""
        return [level for level in (Level.VOLUME, Level.IMAGE) if any(score.level == level for score in self.scores)]


def accuracy_table(book: ScoreBook, tolerance: float) -> Table:
    """One row a model, level and structure."""
    rows = [
        _accuracy_row(book, model, level, structure)
        for level in book.levels
        for structure in book.structures
        for model in book.models
    ]
    unit = "mm" if Level.VOLUME in book.levels else "pixels"
    columns = (
        *("model", "of each", "structure", "Dice [95%]", "IoU [95%]", "Dice, authors' way"),
        *(f"HD95 [95%], {unit}", f"surface Dice at {tolerance:g} {unit} [95%]"),
        *("scored", "missed", "false positive", "both empty"),
    )
    surfaces = (
        f"HD95 (MONAI): larger of the two directed 95th percentiles of the distances between the outlines, in {unit}, "
        "only where both masks hold the structure. Surface Dice (MONAI): share of both outlines within "
        f"{tolerance:g} {unit} of the other; 0 where one mask is empty. "
        + ("In three dimensions, with the voxel's size." if unit == "mm" else "In two dimensions."),
        "scored: both masks hold the structure. missed: the reference alone. false positive: the prediction alone.",
    )
    return Table("accuracy", "Accuracy", columns, tuple(rows), (*DEFINITIONS, *surfaces))


def _accuracy_row(book: ScoreBook, model: str, level: Level, structure: str) -> tuple[Cell, ...]:
    def mean(metric: Metric) -> Interval | None:
        return book.mean(book.select(model, structure, level, metric))

    authors = mean(Metric.AUTHORS_DICE)
    outcomes = [score.outcome for score in book.select(model, structure, level, Metric.DICE)]
    return (
        *(model, level.value, structure, mean(Metric.DICE), mean(Metric.IOU), authors.mean if authors else None),
        *(mean(Metric.HD95), mean(Metric.SURFACE_DICE)),
        *(outcomes.count(outcome) for outcome in (Outcome.SCORED, Outcome.MISSED)),
        *(outcomes.count(outcome) for outcome in (Outcome.FALSE_POSITIVE, Outcome.BOTH_EMPTY)),
    )


def comparison_table(book: ScoreBook) -> Table:
    """Every pair of models on the same cases, corrected for the number of tests in the table."""
    metrics = (Metric.DICE, Metric.IOU)
    level = book.levels[0]
    found: list[tuple[tuple[Cell, ...], Comparison]] = []
    for structure in book.structures:
        for first, second in combinations(book.models, 2):
            for metric in metrics:
                before, after = (book.select(model, structure, level, metric) for model in (first, second))
                comparison = compare(before, after, book.seed)
                if comparison is not None:
                    found.append(((second, first, structure, level.value, metric.value), comparison))
    corrected = holm([comparison.p for _, comparison in found])
    rows = tuple(
        (*names, comparison.difference, comparison.difference.groups, comparison.p, p)
        for (names, comparison), p in zip(found, corrected, strict=True)
    )
    columns = ("model", "against", "structure", "of each", "metric", "difference [95%]", "groups", "p", "p, Holm")
    notes = (
        "Difference: model minus the one it is held against, on the items for which both have a score; its interval "
        "by the same bootstrap over patients.",
        "p: Wilcoxon's signed-rank test, two-sided, on one mean difference a patient; Holm's correction over all tests "
        "of this table. With fewer than six patients no p can fall below 0.05.",
    )
    return Table("comparison", "Models against each other", columns, rows, notes)


def ablation_table(book: ScoreBook) -> Table:
    """One row a model and structure, with the difference to the first model."""
    level, first = book.levels[0], book.models[0]
    rows: list[tuple[Cell, ...]] = []
    for structure in book.structures:
        base = book.select(first, structure, level, Metric.DICE)
        for model in book.models:
            own = book.select(model, structure, level, Metric.DICE)
            comparison = compare(base, own, book.seed) if model != first else None
            iou = book.mean(book.select(model, structure, level, Metric.IOU))
            against: tuple[Cell, Cell] = (comparison.difference, comparison.p) if comparison else (None, None)
            rows.append((model, structure, book.mean(own), *against, iou))
    columns = ("model", "structure", "Dice [95%]", f"Dice minus {first} [95%]", "p", "IoU [95%]")
    notes = (
        f"Of each {level.value}; every row against the first, paired, p not corrected for the number of rows.",
        "Each row is one training: how another seed of the training would move it is not in the interval.",
    )
    return Table("ablation", "Ablation", columns, tuple(rows), notes)
