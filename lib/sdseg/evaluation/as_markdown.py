"""A report as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

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
    notes = "\n".join(f"- {note}" for note in table.notes)
    return f"## {table.title}\n\n{markdown_rows(table)}" + (f"\n\n{notes}" if notes else "")


def markdown_rows(table: Table) -> str:
    """The table alone."""
    rows = [[text_of(cell) for cell in row] for row in table.rows]
    marks = ["---:" if is_numeric(table, column) else "---" for column in range(len(table.columns))]
    return _lines(table.columns, rows, marks)


def is_numeric(table: Table, column: int) -> bool:
    """Whether a column holds numbers, which are set to the right."""
    cells = [row[column] for row in table.rows if row[column] is not None]
    return bool(cells) and all(isinstance(cell, int | float | Interval) for cell in cells)


def _lines(heading: Iterable[str], rows: Iterable[Iterable[str]], marks: Sequence[str]) -> str:
    """Heading, rule and rows; cells padded, so that the text reads as a table too."""
    cells = [[cell.replace("|", "\\|").replace("\n", " ") for cell in row] for row in (heading, *rows)]
    widths = [max(3, *map(len, column)) for column in zip(*cells, strict=True)]
    right = [mark.endswith(":") for mark in marks]
    rule = ["-" * (width - 1) + ":" if to_right else "-" * width for width, to_right in zip(widths, right, strict=True)]
    padded = [
        [cell.rjust(w) if to_right else cell.ljust(w) for cell, w, to_right in zip(row, widths, right, strict=True)]
        for row in cells
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in (padded[0], rule, *padded[1:]))
