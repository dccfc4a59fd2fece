"""What an evaluation tells: facts, tables, pictures and single figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sdseg.evaluation.bootstrap import Interval
from sdseg.evaluation.records import Score

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
