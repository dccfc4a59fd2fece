from collections.abc import Iterator
from pathlib import Path

import pytest
from delivery.web_pacs import WebPacs, web_pacs
from helpers.dicom_series import SeriesMaker

from sdseg.delivery.credentials import FILE_VARIABLE, KEYS


@pytest.fixture(autouse=True)
def no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of whoever runs the tests do not count."""
    names = [f"SDSEG_{key.upper()}" for key in KEYS]
    for name in (*names, FILE_VARIABLE, "MONAI_LABEL_DICOMWEB_USERNAME", "MONAI_LABEL_DICOMWEB_PASSWORD"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Three CT images."""
    folder = SeriesMaker(slices=3, rows=8, columns=8).save(tmp_path / "series")
    return sorted(folder.iterdir())


@pytest.fixture
def file(files: list[Path]) -> Path:
    return files[0]


@pytest.fixture
def pacs() -> Iterator[WebPacs]:
    with web_pacs() as running:
        yield running
