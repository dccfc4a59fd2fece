"""What an evaluation tells: facts, tables and pictures; written as Markdown, CSV, HTML and JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from sdseg.durable import replacing
from sdseg.errors import InputError
from sdseg.evaluation.bootstrap import Interval
from sdseg.evaluation.records import Score

FILES = ("report.md", "report.csv", "report.html", "report.json")
FIGURES = "figures"

Cell = str | int | float | Interval | None


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        key: short name, the same in every format.
        title: above it.
        columns: headings.
        rows: one cell a column.
        notes: definitions below it.
    """

    key: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if any(len(row) != len(self.columns) for row in self.rows):
            raise ValueError(f"A row of the table {self.key} has not {len(self.columns)} cells.")


@dataclass(frozen=True)
class Picture:
    """A PNG with its caption; `key` is its file name."""

    key: str
    title: str
    caption: str
    png: bytes = field(repr=False)


@dataclass(frozen=True)
class Report:
    """An evaluation's result.

    Attributes:
        title: its heading.
        facts: what was evaluated, by what, where and when; nested for JSON, told in one line each elsewhere.
        tables: in the order to show.
        pictures: in the order to show.
        scores: every single figure, for the CSV file.
    """

    title: str
    facts: Mapping[str, Any]
    tables: Sequence[Table]
    pictures: Sequence[Picture] = ()
    scores: Sequence[Score] = ()

    def write(self, folder: Path) -> None:
        """Write all four files and the pictures.

        Raises:
            OSError: the disk refuses.
        """
        from sdseg.evaluation.as_csv import to_csv
        from sdseg.evaluation.as_html import to_html
        from sdseg.evaluation.as_markdown import to_markdown

        (folder / FIGURES).mkdir(parents=True, exist_ok=True)
        for picture in self.pictures:
            _write(folder / FIGURES / f"{picture.key}.png", picture.png)
        texts = (to_markdown(self), to_csv(self.scores), to_html(self), json.dumps(to_plain(self), indent=2) + "\n")
        for name, text in zip(FILES, texts, strict=True):
            _write(folder / name, text.encode())


def check_folder(folder: Path, replace: bool) -> None:
    """Raise InputError where `folder` is a file, or holds a report which may not be replaced."""
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file; give a folder for the report.")
    if not replace and any((folder / name).exists() for name in FILES):
        raise InputError(f"{folder} holds a report already; choose another folder or add --force.")


def _write(path: Path, content: bytes) -> None:
    with replacing(path) as stream:
        stream.write(content)


def text_of(cell: Cell) -> str:
    """A cell as people read it."""
    if cell is None:
        return "–"
    return f"{cell:.4g}" if isinstance(cell, float) else str(cell)


def fact_lines(facts: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Nested facts as (name, value), a dot between the names of the levels."""
    lines: list[tuple[str, str]] = []
    for name, value in facts.items():
        if isinstance(value, Mapping):
            lines += fact_lines(value, f"{prefix}{name}.")
        elif isinstance(value, list | tuple):
            lines.append((f"{prefix}{name}", ", ".join(map(str, value))))
        else:
            lines.append((f"{prefix}{name}", "–" if value is None else str(value)))
    return lines


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
