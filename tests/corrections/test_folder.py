"""A folder of volumes: MONAI Label's own store keeps one label of an image, this one every version of everybody."""

import json
from collections.abc import Iterator
from pathlib import Path

import nibabel
import numpy as np
import pytest
from helpers.models import tiny_card

from sdseg.corrections.home import home_of
from sdseg.corrections.offline import material_of
from sdseg.corrections.patients import digest_of_patient
from sdseg.corrections.slices import UNLABELLED
from sdseg.errors import UnknownNameError
from sdseg.training.material import Material
from sdseg.volume.labelmap import load_labelmap_like
from sdseg_app.config.learning import LearningSettings
from sdseg_app.stores.local_store import LocalImageStore
from sdseg_app.stores.review import decide
from sdseg_app.stores.studies import open_datastore

AFFINE = np.diag([-2.0, 2.0, 3.0, 1.0])
SHAPE = (12, 10, 5)


def save(path: Path, values: np.ndarray, affine: np.ndarray = AFFINE) -> Path:
    nibabel.save(nibabel.Nifti1Image(values, affine), path)
    return path


def drawn(*slices: int) -> np.ndarray:
    mask = np.zeros(SHAPE, np.uint8)
    mask[2:7, 3:5, list(slices)] = 1
    return mask


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "volumes").mkdir()
    for name in ("head", "other"):
        data = np.random.default_rng(0).integers(0, 500, SHAPE).astype(np.int16)
        save(tmp_path / "volumes" / f"{name}.nii.gz", data)
    return tmp_path / "volumes"


def opened(folder: Path) -> LocalImageStore:
    store = open_datastore(str(folder), folder.parent / "model", tiny_card)
    assert isinstance(store, LocalImageStore)
    return store


@pytest.fixture
def store(folder: Path) -> Iterator[LocalImageStore]:
    store = opened(folder)
    yield store
    store._observer.stop()


def label(store: LocalImageStore, mask: np.ndarray, annotator: str = "", image: str = "head", **info: object) -> None:
    file = save(store.home / f"upload-{mask.sum()}.nii.gz", mask)
    store.save_label(image, str(file), "final", {"label_info": [{"name": "brain", "idx": 1}], **info}, annotator)


def material(store: LocalImageStore, told: list[str] | None = None) -> Material:
    return store.training_material(LearningSettings(), (told if told is not None else []).append)


def shown(folder: Path, image: str = "head") -> np.ndarray:
    found: np.ndarray = np.asarray(nibabel.load(folder / "labels" / "final" / f"{image}.nii.gz").dataobj)
    return found


def test_versions_and_annotators_are_kept(store: LocalImageStore, folder: Path) -> None:
    label(store, drawn(1), "anna")
    label(store, drawn(2), "bob")
    assert (shown(folder) == drawn(2)).all(), "the latest is where MONAI Label's users look for it"
    assert [one.annotator for one in store.annotators_labels("head")] == ["bob", "anna"]
    kept = store.get_label_uri("head", "final", "anna")
    assert (load_labelmap_like(kept, folder / "head.nii.gz") == drawn(1)).all()
    info = store.get_label_info("head", "final")
    assert info["annotator"] == "bob" and info["labelled_slices"] == [2]
    with pytest.raises(UnknownNameError):
        store.get_label_uri("head", "final", "carl")
    found = material(store).train
    assert [one.weight for one in found] == [0.5, 0.5]
    assert {one.group for one in found} == {digest_of_patient("head")}
    mask = load_labelmap_like(found[0].label, folder / "head.nii.gz")
    assert (mask[:, :, 2] == drawn(2)[:, :, 2]).all() and (mask[:, :, [0, 1, 3, 4]] == UNLABELLED).all()


def test_a_flipped_mask_lies_where_it_was_drawn(store: LocalImageStore, folder: Path) -> None:
    flipped = AFFINE @ np.array([[-1, 0, 0, SHAPE[0] - 1], [0, 1, 0, 0], [0, 0, -1, SHAPE[2] - 1], [0, 0, 0, 1.0]])
    file = save(store.home / "flipped.nii.gz", drawn(1)[::-1, :, ::-1].copy(), flipped)
    store.labels.predictions.remember("head", drawn(1, 2), {"brain": 1}, {"weights_sha256": "a" * 64, "seed": 0})
    store.save_label("head", str(file), "final", {}, "anna")
    (example,) = material(store).train
    assert (load_labelmap_like(example.label, example.image) == drawn(1)).all()
    assert example.changed is not None
    assert (load_labelmap_like(example.changed, example.image) == drawn(2)).all()


def test_a_file_that_somebody_put_there_is_a_label_and_is_not_lost(store: LocalImageStore, folder: Path) -> None:
    save(folder / "labels" / "final" / "head.nii.gz", drawn(3))
    store.refresh()
    label(store, drawn(1), "anna")
    versions = store.labels.book.versions("head", "final")
    assert [one.annotator for one in versions] == ["", "anna"]
    assert (load_labelmap_like(store.labels.path(versions[0]), folder / "head.nii.gz") == drawn(3)).all()
    assert len(material(store).train) == 2
    save(folder / "labels" / "final" / "head.nii.gz", drawn(4))
    store.refresh()
    assert len(material(store).train) == 2, "two of nobody in particular: the later one counts"
    assert len(store.labels.book.versions("head", "final")) == 3


def test_the_same_label_again_is_no_new_version(store: LocalImageStore) -> None:
    label(store, drawn(1), "anna")
    label(store, drawn(1), "anna", comment="looked again")
    assert len(store.labels.book.versions("head", "final")) == 1
    assert store.get_label_info("head", "final")["comment"] == "looked again"
    assert len(material(store).train) == 1


def test_withdrawing_shows_the_next_and_accepting_brings_it_back(store: LocalImageStore, folder: Path) -> None:
    label(store, drawn(1), "anna")
    label(store, drawn(2), "bob")
    store.remove_label("head", "final", "bob")
    assert (shown(folder) == drawn(1)).all() and store.get_label_info("head", "final")["annotator"] == "anna"
    store.remove_label("head", "final")
    assert store.get_unlabeled_images() == ["head", "other"] and not list((folder / "labels" / "final").iterdir())
    with pytest.raises(UnknownNameError):
        store.get_label_uri("head", "final")
    decide(store, "head", "chief", "accept")
    assert (shown(folder) == drawn(1)).all()
    (example,) = material(store).train
    assert (load_labelmap_like(example.label, example.image) == drawn(1)).all(), "accepted: it speaks of all slices"
    decide(store, "head", "chief", "reject", reason="too small")
    assert store.get_training_images() == [] and material(store) == Material(())


def test_the_label_of_a_deleted_image_is_told(store: LocalImageStore, folder: Path) -> None:
    label(store, drawn(1))
    (folder / "head.nii.gz").unlink()
    store.refresh()
    told: list[str] = []
    assert material(store, told) == Material(()) and len(told) == 1
    assert store.labels.book.find("head", "final") is not None


def test_without_a_server_the_same_is_found(store: LocalImageStore, folder: Path) -> None:
    label(store, drawn(1), "anna")
    label(store, drawn(1), "anna", image="other")
    save(folder / "labels" / "final" / "head.nii.gz", drawn(4))
    store.refresh()
    expected = material(store)
    assert material_of(folder.parent / "model", None, {"brain": 1}) == expected
    assert material_of(folder.parent / "model", str(folder), {"brain": 1}) == expected
    assert len(expected.train) == 2 and len(expected.validation) == 1
    assert json.loads((folder / "datastore_v2.json").read_text())["objects"]["head"]["labels"]["final"]
    assert home_of(folder.parent / "model", folder.as_uri()) == store.home


def test_everything_is_there_after_a_restart(store: LocalImageStore, folder: Path) -> None:
    label(store, drawn(1), "anna")
    label(store, drawn(2), "bob")
    before = material(store)
    again = opened(folder)
    assert material(again) == before
    assert [one.annotator for one in again.annotators_labels("head")] == ["bob", "anna"]
    again._observer.stop()
