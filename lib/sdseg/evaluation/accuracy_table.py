"""The table of accuracy."""

from __future__ import annotations

from sdseg.evaluation.bootstrap import Interval
from sdseg.evaluation.overlap import Outcome
from sdseg.evaluation.records import Level, Metric
from sdseg.evaluation.report import Cell, Table
from sdseg.evaluation.score_book import ScoreBook

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
