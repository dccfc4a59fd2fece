"""A report as one HTML file that needs nothing else: no network, no files beside it."""

from __future__ import annotations

from base64 import b64encode
from html import escape

from sdseg.evaluation.as_markdown import is_numeric
from sdseg.evaluation.report import Picture, Report, Table, fact_lines, text_of

_STYLE = """
:root { color-scheme: light; }
body { font: 16px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; color: #1d2430; background: #fff;
       max-width: 76rem; margin: 2rem auto; padding: 0 1.25rem; }
h1 { font-size: 1.6rem; margin-bottom: .25rem; }
h2 { font-size: 1.2rem; margin: 2.5rem 0 .5rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; }
th, td { padding: .35rem .8rem; text-align: left; vertical-align: top; border-bottom: 1px solid #dde2ea; }
th { background: #f3f5f8; border-bottom: 2px solid #b9c2cf; }
tbody tr:hover { background: #f7f9fc; }
td.number, th.number { text-align: right; white-space: nowrap; }
ul.notes { color: #4b5666; font-size: .88rem; padding-left: 1.2rem; }
figure { margin: 1rem 0; }
figure img { max-width: 100%; height: auto; border: 1px solid #dde2ea; }
figcaption { color: #4b5666; font-size: .88rem; }
.facts td { overflow-wrap: anywhere; }
"""


def to_html(report: Report) -> str:
    """The whole report, pictures as data URIs."""
    title = escape(report.title)
    parts = [
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>{title}</title>\n'
        f"<style>{_STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>",
        *(html_table(table) for table in report.tables),
        *(html_picture(picture) for picture in report.pictures),
        _facts(report),
        "</body>\n</html>",
    ]
    return "\n".join(parts) + "\n"


def html_table(table: Table) -> str:
    """One table with its heading and notes."""
    marks = [' class="number"' if is_numeric(table, column) else "" for column in range(len(table.columns))]
    heading = "".join(f"<th{mark}>{escape(name)}</th>" for mark, name in zip(marks, table.columns, strict=True))
    rows = "\n".join(
        "<tr>" + "".join(f"<td{mark}>{escape(text_of(c))}</td>" for mark, c in zip(marks, row, strict=True)) + "</tr>"
        for row in table.rows
    )
    notes = "".join(f"<li>{escape(note)}</li>" for note in table.notes)
    return (
        f'<section id="{escape(table.key)}">\n<h2>{escape(table.title)}</h2>\n<div class="scroll"><table>\n'
        f"<thead><tr>{heading}</tr></thead>\n<tbody>\n{rows}\n</tbody>\n</table></div>\n"
        + (f'<ul class="notes">{notes}</ul>\n' if notes else "")
        + "</section>"
    )


def html_picture(picture: Picture) -> str:
    """One picture, embedded."""
    data = b64encode(picture.png).decode()
    return (
        f'<section id="{escape(picture.key)}">\n<h2>{escape(picture.title)}</h2>\n<figure>'
        f'<img alt="{escape(picture.title)}" src="data:image/png;base64,{data}">'
        f"<figcaption>{escape(picture.caption)}</figcaption></figure>\n</section>"
    )


def _facts(report: Report) -> str:
    rows = "\n".join(
        f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in fact_lines(report.facts)
    )
    return f'<section id="facts">\n<h2>How it was made</h2>\n<table class="facts">\n{rows}\n</table>\n</section>'
