"""The tables that hold models against each other: every pair, and the ablation."""

from __future__ import annotations

from itertools import combinations

from sdseg.evaluation.comparison import Comparison, compare, holm
from sdseg.evaluation.records import Metric
from sdseg.evaluation.report import Cell, Table
from sdseg.evaluation.score_book import ScoreBook


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
