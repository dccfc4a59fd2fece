from pathlib import Path

import numpy as np
import pytest
from app.running_server import Image
from helpers.models import tiny_card

from sdseg.errors import EmptySegmentationError
from sdseg.pacs.search import find_image_series, list_segmentations
from sdseg_app.stores.datastore import ArchiveDatastore
from sdseg_app.stores.filing import build_result_seg, file_result
from sdseg_app.stores.studies import open_datastore

TOLD = {"label_names": {"brain": 1}, "model_name": "m", "preset": "tiny", "weights_sha256": "a" * 64, "seed": 0}


def test_an_empty_result_is_never_filed(image: Image, image_folder: Path, tmp_path: Path) -> None:
    store = open_datastore(str(image_folder), tmp_path / "model", tiny_card)
    assert isinstance(store, ArchiveDatastore)
    mask = image.save(tmp_path / "empty.nrrd", np.zeros_like(image.mask()))
    with pytest.raises(EmptySegmentationError):
        file_result(store, image.uid, mask, TOLD)
    with pytest.raises(EmptySegmentationError):
        build_result_seg(store, image.uid, mask, TOLD, file_too=True)
    assert list_segmentations(store.archive, find_image_series(store.archive, image.uid)) == []
