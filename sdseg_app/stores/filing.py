"""A model's result as DICOM SEG, and its way into the archive."""

from io import BytesIO
from pathlib import Path
from typing import Any

from highdicom.seg import Segmentation
from monailabel.interfaces.datastore import Datastore

from sdseg.dicom.series import load_series
from sdseg.errors import InputError
from sdseg.pacs.deliver import store_segmentation
from sdseg_app.labels.files import read_label
from sdseg_app.labels.saving import describe
from sdseg_app.labels.seg import seg_of_model
from sdseg_app.stores.datastore import ArchiveDatastore


def build_result_seg(
    store: Datastore, image: str, mask: Path, told: dict[str, Any], file_too: bool
) -> tuple[str, bytes]:
    """Name and content of a DICOM SEG of the result, also stored in the archive when `file_too`.

    Raises EmptySegmentationError, InputError, DeliveryError.
    """
    archive_store, segmentation = _segmentation(store, image, mask, told)
    if file_too:
        store_segmentation(archive_store.archive, segmentation)
    buffer = BytesIO()
    segmentation.save_as(buffer, enforce_file_format=True)
    return f"{segmentation.SOPInstanceUID}.dcm", buffer.getvalue()


def file_result(store: Datastore, image: str, mask: Path, told: dict[str, Any]) -> dict[str, str]:
    """Store the result beside the source series; its UIDs, and its path in a folder. Raises as above."""
    archive_store, segmentation = _segmentation(store, image, mask, told)
    return describe(store_segmentation(archive_store.archive, segmentation))


def _segmentation(
    store: Datastore, image: str, mask: Path, told: dict[str, Any]
) -> tuple[ArchiveDatastore, Segmentation]:
    if not isinstance(store, ArchiveDatastore):
        raise InputError("A DICOM SEG needs a DICOM series, and the studies of this server are none.")
    folder = Path(store.get_image_uri(image))
    labels = {str(name): int(value) for name, value in told["label_names"].items()}
    labelmap = read_label(mask, folder, labels)
    return store, seg_of_model(load_series(folder), labelmap, labels, told)
