"""An archive in a folder with the series of several patients, and annotators who label them."""

import itertools
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.dicom_series import SeriesMaker
from helpers.models import tiny_card

from sdseg.corrections.store import FINAL
from sdseg.dicom.series import load_series
from sdseg.pacs import folder_client
from sdseg.volume.labelmap import save_labelmap
from sdseg_app.stores.datastore import ArchiveDatastore
from sdseg_app.stores.studies import open_datastore

SHAPE = (24, 20, 6)  # (i, j, k) of SeriesMaker
FACTS = {"weights_sha256": "a" * 64, "seed": 7, "model_name": "brain-tiny", "preset": "tiny"}
_numbers = itertools.count()


@pytest.fixture(autouse=True)
def look_every_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder_client, "REFRESH_SECONDS", -1.0)


def drawn(*slices: int, row: int = 3, value: int = 1) -> np.ndarray:
    """A mask (i, j, k) that is nowhere symmetric, in some slices."""
    mask = np.zeros(SHAPE, np.uint8)
    mask[5:16, row : row + 6, list(slices)] = value
    return mask


@dataclass
class Site:
    """A folder of DICOM, and the store of a server on it."""

    studies: Path
    model_dir: Path
    scratch: Path

    def __post_init__(self) -> None:
        self.store = self.open()

    def open(self) -> ArchiveDatastore:
        """Another process's view of the same."""
        store = open_datastore(str(self.studies), self.model_dir, tiny_card)
        assert isinstance(store, ArchiveDatastore)
        return store

    def add(self, name: str, patient: str) -> str:
        """A series of a patient; its UID."""
        folder = SeriesMaker(modality="MR", name=name, patient_id=patient).save(self.studies / name)
        return load_series(folder).series_instance_uid

    def label(self, image: str, mask: np.ndarray, annotator: str = "", tag: str = FINAL, **info: Any) -> None:
        """Save a label as a viewer does."""
        affine = load_series(Path(self.store.get_image_uri(image))).affine
        file = save_labelmap(mask, affine, self.scratch / f"{next(_numbers)}.nrrd")
        names = [{"name": "brain", "idx": 1}]
        self.store.save_label(image, str(file), tag, {"label_info": names, **info}, annotator)

    def predict(self, image: str, mask: np.ndarray, seed: int = 7) -> None:
        """What an inference leaves behind."""
        facts = {**FACTS, "seed": seed}
        self.store.update_image_info(image, {"inference": facts})
        self.store.labels.predictions.remember(image, mask, {"brain": 1}, facts)


@pytest.fixture
def new_site(tmp_path: Path) -> Callable[..., Site]:
    def make(**patients: str) -> Site:
        """`name="patient"`: a series of each."""
        (tmp_path / "scratch").mkdir()
        for name, patient in patients.items():
            SeriesMaker(modality="MR", name=name, patient_id=patient).save(tmp_path / "studies" / name)
        return Site(tmp_path / "studies", tmp_path / "model", tmp_path / "scratch")

    return make


@pytest.fixture
def site(new_site: Callable[..., Site]) -> Site:
    """Series one, two, three of three patients."""
    return new_site(one="P1", two="P2", three="P3")


@pytest.fixture
def remove(site: Site) -> Callable[[str], None]:
    """Takes a series out of the archive."""
    return lambda name: shutil.rmtree(site.studies / name)


def uid(name: str) -> str:
    """SeriesInstanceUID of a series of the site."""
    return str(SeriesMaker(modality="MR", name=name).datasets()[0].SeriesInstanceUID)
