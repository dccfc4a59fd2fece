"""A folder of small DICOM studies, or of volumes, with a selection on them."""

from collections.abc import Sequence
from pathlib import Path

import nibabel
import numpy as np
from helpers.dicom_series import SeriesMaker

from sdseg.corrections.review_book import REJECT, Review
from sdseg.corrections.store import FINAL
from sdseg.pacs.folder_client import FolderClient
from sdseg_app.selection.image_scorer import ScoringModel
from sdseg_app.selection.selection import Selection
from sdseg_app.served.segmenters import Segmenters
from sdseg_app.served.weights_choice import WeightsChoice
from sdseg_app.stores.datastore import ArchiveDatastore
from sdseg_app.stores.local_store import LocalImageStore

LABELS = {"brain": 1}


def save_study(folder: Path, name: str, slices: int = 3) -> SeriesMaker:
    """A study of one series; its pixels are noise of the name's own."""
    maker = SeriesMaker(modality="MR", name=name, slices=slices)
    random = np.random.default_rng(sum(name.encode()))
    smooth = np.linspace(0, 2000, maker.columns) * random.uniform(-1, 1) + np.linspace(0, 2000, maker.rows)[:, None]
    (folder / name).mkdir(parents=True, exist_ok=True)
    for index in range(slices):
        plane = (smooth * random.uniform(0.5, 1) + random.integers(0, 300, smooth.shape)).astype(np.int16)
        maker.dataset(index, plane).save_as(folder / name / f"{index}.dcm", enforce_file_format=True)
    return maker


def series_of(maker: SeriesMaker) -> str:
    return str(maker.datasets()[0].SeriesInstanceUID)


def archive_of(folder: Path, home: Path) -> ArchiveDatastore:
    home.mkdir(parents=True, exist_ok=True)
    return ArchiveDatastore(FolderClient(folder), home, None, lambda: LABELS)


def local_of(folder: Path, home: Path, names: Sequence[str]) -> LocalImageStore:
    folder.mkdir(parents=True)
    for number, name in enumerate(names):
        volume = np.random.default_rng(number).integers(0, 2000, (24, 20, 3)).astype(np.int16)
        nibabel.save(nibabel.Nifti1Image(volume, np.eye(4)), folder / f"{name}.nii.gz")
    return LocalImageStore(folder, lambda: LABELS, home)


def selection_on(store: ArchiveDatastore | LocalImageStore, weights: Path, minutes: float = 30) -> Selection:
    segmenters = Segmenters(WeightsChoice(weights, weights.parent / "published", None))
    return Selection(store, minutes, ScoringModel("sdseg", segmenters, "cpu", 2))


def label(store: ArchiveDatastore, image: str, digest: str = "a" * 64, annotator: str = "") -> None:
    """As if a final label had been saved."""
    file = store.home / "mask.nrrd"
    file.write_bytes(b"mask")
    store.labels.keep(image, FINAL, file, digest, {}, annotator=annotator)


def reject(store: ArchiveDatastore | LocalImageStore, image: str, digest: str = "") -> None:
    store.labels.reviews.add(Review(image, REJECT, "wrong", label=digest))
