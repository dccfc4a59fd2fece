"""A report's single figures as tidy CSV: one row a case, model, structure, level, slice and metric."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import asdict, fields

from sdseg.evaluation.records import Score


def to_csv(scores: Iterable[Score]) -> str:
    """A heading and one line a figure; what has no value is left empty."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [field.name for field in fields(Score)], lineterminator="\n")
    writer.writeheader()
    for score in scores:
        writer.writerow(asdict(score))
    return text.getvalue()
