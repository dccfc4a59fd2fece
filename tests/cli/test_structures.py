"""`sdseg structures` and its copy in the documentation."""

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from sdseg.cli.structures import structures, table
from sdseg.dicom import codes
from sdseg.errors import LabelError

DOCS = Path(__file__).parents[2] / "docs" / "structures.md"
APP = typer.Typer()
APP.command()(structures)


def test_the_documentation_shows_the_table_as_it_is() -> None:
    assert "\n".join(table(codes.structures())) in DOCS.read_text(encoding="utf-8")


def test_all_structures_are_listed_once() -> None:
    done = CliRunner().invoke(APP)
    rows = done.stdout.splitlines()[2:]
    assert len(rows) == len({found.name for found in codes.structures().values()})
    assert sum("| liver |" in row for row in rows) == 1
    assert any(row.startswith("| neoplasm | tumor, tumour | SCT 49755003") for row in rows)


def test_a_file_of_ones_own_is_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codes, "_ADDED", {})
    file = tmp_path / "own.yaml"
    file.write_text('structures: {hip: {category: "SCT:91723000", type: "SCT:24136001", rgb: [1, 2, 255]}}')
    row = CliRunner().invoke(APP, [str(file)]).stdout.splitlines()[2]
    assert row == "| hip |  | SCT 91723000 Anatomical Structure | SCT 24136001 Hip joint |  | #0102ff |  |"
    file.write_text('structures: {liver: {category: "SCT:91723000", type: "SCT:24136001"}}')
    assert isinstance(CliRunner().invoke(APP, [str(file)]).exception, LabelError)
