from pathlib import Path

import nibabel
import numpy as np
import pytest
from helpers.models import tiny_card

from sdseg.errors import InputError
from sdseg_app.stores.datastore import ArchiveDatastore
from sdseg_app.stores.local_store import LocalImageStore
from sdseg_app.stores.studies import open_datastore


def test_a_dicom_folder_is_an_archive_and_nothing_is_written_into_it(image_folder: Path, tmp_path: Path) -> None:
    before = sorted(image_folder.rglob("*"))
    store = open_datastore(str(image_folder), tmp_path / "model", tiny_card)
    assert isinstance(store, ArchiveDatastore)
    assert store.status() == {"total": 1, "completed": 0, "label_tags": {}}
    assert sorted(image_folder.rglob("*")) == before


def test_a_nifti_folder_is_monai_labels_own_store(tmp_path: Path) -> None:
    (tmp_path / "studies").mkdir()
    nibabel.save(nibabel.Nifti1Image(np.zeros((4, 5, 6), np.int16), np.eye(4)), tmp_path / "studies" / "a.nii.gz")
    store = open_datastore(str(tmp_path / "studies"), tmp_path / "model", tiny_card)
    assert isinstance(store, LocalImageStore)
    assert store.list_images() == ["a"]
    with pytest.raises(InputError, match="not allowed"):
        store.add_image("../../x", str(tmp_path / "studies" / "a.nii.gz"), {})


@pytest.mark.parametrize(
    ("name", "words"), [("notes.txt", "holds no DICOM, NIfTI, NRRD, PNG or JPEG"), (None, "not exist")]
)
def test_a_folder_without_images_is_refused_and_left_alone(tmp_path: Path, name: str | None, words: str) -> None:
    folder = tmp_path / "papers"
    if name:
        folder.mkdir()
        (folder / name).write_text("hello")
    with pytest.raises(InputError, match=words):
        open_datastore(str(folder), tmp_path / "model", tiny_card)
    assert not folder.exists() or [path.name for path in folder.iterdir()] == [name]


def test_series_of_another_modality_are_told(tmp_path: Path, ct_folder: Path) -> None:
    with pytest.raises(InputError, match=r"no series of modality MR.*image series there: CT"):
        open_datastore(str(ct_folder), tmp_path / "model", tiny_card)
