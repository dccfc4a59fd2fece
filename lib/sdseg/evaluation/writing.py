"""Writing a report: the same content as Markdown, CSV, HTML and JSON."""

from __future__ import annotations

from pathlib import Path

from sdseg.durable import replacing
from sdseg.errors import InputError
from sdseg.evaluation.as_csv import to_csv
from sdseg.evaluation.as_html import to_html
from sdseg.evaluation.as_json import to_json
from sdseg.evaluation.as_markdown import to_markdown
from sdseg.evaluation.report import FIGURES, Report

FILES = ("report.md", "report.csv", "report.html", "report.json")


def write_report(report: Report, folder: Path) -> None:
    """Write all four files and the pictures.

    Raises:
        OSError: the disk refuses.
    """
    (folder / FIGURES).mkdir(parents=True, exist_ok=True)
    for picture in report.pictures:
        _write(folder / FIGURES / f"{picture.key}.png", picture.png)
    texts = (to_markdown(report), to_csv(report.scores), to_html(report), to_json(report))
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
