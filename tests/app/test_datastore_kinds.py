"""Pictures and enhanced multi-frame images in an archive: listed, fetched, labelled and read back."""

from collections.abc import Iterator
from pathlib import Path

import nrrd
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from helpers.dicom_enhanced import EnhancedMaker
from helpers.dicom_pictures import PictureMaker
from helpers.dicom_series import SeriesMaker
from helpers.models import tiny_card
from helpers.orthanc import Orthanc, orthanc

from sdseg.dicom.series import load_series
from sdseg.pacs.search import find_image_series, list_segmentations
from sdseg.pacs.server_client import connect
from sdseg.volume.labelmap import save_labelmap
from sdseg.volume.window import Window
from sdseg_app.stores.datastore import ArchiveDatastore
from sdseg_app.stores.studies import open_datastore
from sdseg_app.stores.viewer_volume import viewer_volume

MAKERS: dict[str, SeriesMaker] = {
    "ES": PictureMaker(slices=3, rows=24, columns=20, kind="ES", name="endoscopy"),
    "DX": PictureMaker(slices=1, rows=24, columns=20, kind="DX", name="radiograph"),
    "MR": EnhancedMaker(rows=24, columns=20, name="enhanced MR"),
    "CT": SeriesMaker(rows=24, columns=20, name="plain CT"),
}
LABELS = {"ES": "polyp", "DX": "tooth", "MR": "brain", "CT": "liver"}


@pytest.fixture(scope="module")
def pacs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    with orthanc(tmp_path_factory.mktemp("pacs")) as running:
        connect(running.web).store_instances([dataset for maker in MAKERS.values() for dataset in maker.datasets()])
        yield running


@pytest.mark.parametrize("modality", list(MAKERS))
def test_the_models_own_kind_is_listed_fetched_and_labelled(pacs: Orthanc, modality: str, tmp_path: Path) -> None:
    def card() -> object:
        return tiny_card((LABELS[modality],), **{modality: Window("range", 0, 255)})

    store = open_datastore(pacs.web, tmp_path / "model", card)  # type: ignore[arg-type]
    assert isinstance(store, ArchiveDatastore)
    maker = MAKERS[modality]
    (image,) = store.list_images()
    assert image == maker.uid("series")
    folder = store.get_image(image)
    series = load_series(folder)
    assert series.shape == (maker.slices, 24, 20)
    sent = {dataset.SOPInstanceUID: dataset.PixelData for dataset in maker.datasets()}
    assert {dataset.SOPInstanceUID: dataset.PixelData for dataset in map(pydicom.dcmread, folder.iterdir())} == sent
    shown = sitk.GetArrayFromImage(sitk.ReadImage(str(viewer_volume(folder, tmp_path / "volumes"))))
    assert np.array_equal(shown, series.pixels())

    mask = np.zeros((20, 24, maker.slices), np.uint8)  # (i, j, k)
    mask[3:9, 5:15, -1] = 1
    drawn = save_labelmap(mask, series.affine, tmp_path / "drawn.nrrd")
    store.save_label(image, str(drawn), "final", {"label_info": [{"name": LABELS[modality], "idx": 1}]})
    assert len(list_segmentations(store.archive, find_image_series(store.archive, image))) == 1
    again = open_datastore(pacs.web, tmp_path / "another", card)  # type: ignore[arg-type]
    assert again.status() == {"total": 1, "completed": 1, "label_tags": {"final": 1}}
    assert np.array_equal(nrrd.read(again.get_label_uri(image, "final"))[0], mask)
