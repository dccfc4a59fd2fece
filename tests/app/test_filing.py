from pathlib import Path

import numpy as np
import pytest
from app.running_server import Image, copy_sample
from helpers.models import tiny_card
from pydicom import dcmread

from sdseg.dicom.seg_reader import read_seg
from sdseg.errors import EmptySegmentationError, LabelError
from sdseg.pacs.search import find_image_series, list_segmentations
from sdseg.volume.compact import CompactLabelmap
from sdseg_app.jobs.results import Found
from sdseg_app.stores.datastore import ArchiveDatastore
from sdseg_app.stores.filing import file_result, write_result_seg
from sdseg_app.stores.studies import open_datastore

TOLD = {"label_names": {"brain": 1}, "model_name": "m", "preset": "tiny", "weights_sha256": "a" * 64, "seed": 0}


def test_an_empty_result_is_never_filed(image: Image, image_folder: Path, tmp_path: Path) -> None:
    store = open_datastore(str(image_folder), tmp_path / "model", tiny_card)
    assert isinstance(store, ArchiveDatastore)
    empty = Found(CompactLabelmap.of(np.zeros_like(image.mask())), image.series.affine, {})
    with pytest.raises(EmptySegmentationError):
        file_result(store, image.uid, empty, TOLD)
    with pytest.raises(EmptySegmentationError):
        write_result_seg(store, image.uid, empty, TOLD, tmp_path / "reply", file_too=True)
    assert list_segmentations(store.archive, find_image_series(store.archive, image.uid)) == []
    assert not (tmp_path / "reply").exists()


def test_the_returned_seg_is_the_one_that_is_filed(image: Image, tmp_path: Path) -> None:
    """It is written once, to the place of the reply, and filed from there."""
    store = open_datastore(str(copy_sample(tmp_path / "studies" / "t1").parent), tmp_path / "model", tiny_card)
    assert isinstance(store, ArchiveDatastore)
    found = Found(CompactLabelmap.of(image.mask()), image.series.affine, {})
    name = write_result_seg(store, image.uid, found, TOLD, tmp_path / "reply", file_too=True)
    (filed,) = list_segmentations(store.archive, find_image_series(store.archive, image.uid))
    assert name == f"{dcmread(tmp_path / 'reply').SOPInstanceUID}.dcm"
    mask, labels = read_seg(tmp_path / "reply", image.series)
    np.testing.assert_array_equal(mask.transpose(2, 1, 0), image.mask())
    assert labels == {"brain": 1} and filed.series_uid == dcmread(tmp_path / "reply").SeriesInstanceUID
    assert file_result(store, image.uid, found, TOLD)["instance"] == name.removesuffix(".dcm")


def test_a_series_that_was_replaced_meanwhile_gets_no_seg(image: Image, image_folder: Path, tmp_path: Path) -> None:
    store = open_datastore(str(image_folder), tmp_path / "model", tiny_card)
    for moved in (image.series.affine + np.eye(4, k=3), image.series.affine @ np.diag([-1, 1, 1, 1])):
        found = Found(CompactLabelmap.of(image.mask()), moved, {})
        with pytest.raises(LabelError, match="segment it again"):
            write_result_seg(store, image.uid, found, TOLD, tmp_path / "reply", file_too=False)
