"""A report as JSON: every figure in full, intervals as objects."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from sdseg.evaluation.bootstrap import Interval
from sdseg.evaluation.report import FIGURES, Report


def to_json(report: Report) -> str:
    """The whole report but the pictures, which it names."""
    return json.dumps(to_plain(report), indent=2, allow_nan=False) + "\n"


def to_plain(report: Report) -> dict[str, Any]:
    """The report as JSON values: figures in full, intervals as objects."""
    tables = [
        {
            "key": table.key,
            "title": table.title,
            "columns": list(table.columns),
            "rows": [[asdict(cell) if isinstance(cell, Interval) else cell for cell in row] for row in table.rows],
            "notes": list(table.notes),
        }
        for table in report.tables
    ]
    pictures = [{"file": f"{FIGURES}/{p.key}.png", "title": p.title, "caption": p.caption} for p in report.pictures]
    scores = [asdict(score) for score in report.scores]
    return {"title": report.title, **report.facts, "tables": tables, "pictures": pictures, "scores": scores}
