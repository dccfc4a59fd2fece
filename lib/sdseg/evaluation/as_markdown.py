"""A report as Markdown."""

from __future__ import annotations

from collections.abc import Iterable

from sdseg.evaluation.bootstrap import Interval
from sdseg.evaluation.report import FIGURES, Report, Table, fact_lines, text_of


def to_markdown(report: Report) -> str:
    """The whole report; pictures by their relative path."""
    parts = [f"# {report.title}"]
    parts += [markdown_table(table) for table in report.tables]
    for picture in report.pictures:
        parts.append(f"## {picture.title}\n\n![{picture.title}]({FIGURES}/{picture.key}.png)\n\n{picture.caption}")
    parts.append("## How it was made\n\n" + _lines(("what", "value"), fact_lines(report.facts), ("---", "---")))
    return "\n\n".join(parts) + "\n"


def markdown_table(table: Table) -> str:
    """One table with its heading and notes."""
    rows = [[text_of(cell) for cell in row] for row in table.rows]
    marks = ["---:" if is_numeric(table, column) else "---" for column in range(len(table.columns))]
    notes = "\n".join(f"- {note}" for note in table.notes)
    return f"## {table.title}\n\n{_lines(table.columns, rows, marks)}" + (f"\n\n{notes}" if notes else "")


def is_numeric(table: Table, column: int) -> bool:
    """Whether a column holds numbers, which are set to the right."""
    cells = [row[column] for row in table.rows if row[column] is not None]
    return bool(cells) and all(isinstance(cell, int | float | Interval) for cell in cells)


def _lines(heading: Iterable[str], rows: Iterable[Iterable[str]], marks: Iterable[str]) -> str:
    return "\n".join(_line(cells) for cells in (heading, marks, *rows))


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"
