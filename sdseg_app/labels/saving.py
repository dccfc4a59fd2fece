"""Saving a label: check it against the image, file a final one in the archive, keep a local copy."""

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from sdseg.corrections.book import TAKEN
from sdseg.corrections.store import FINAL, LabelStore
from sdseg.dicom.series import load_series
from sdseg.pacs.archive import Archive
from sdseg.pacs.deliver import StoredInstance, store_segmentation
from sdseg_app.labels.files import digest_of, read_label, write_label
from sdseg_app.labels.seg import seg_of_annotator
from sdseg_app.names import check_name, label_values

# Key in an image's info: what the last inference on it told. A label saved after it counts as edited.
INFERENCE = "inference"


class LabelKeeper(Protocol):
    """What saving a label needs of a datastore."""

    archive: Archive
    home: Path
    labels: LabelStore
    model_labels: Callable[[], dict[str, int]]

    def get_image_uri(self, image_id: str) -> str: ...
    def update_label_info(self, label_id: str, label_tag: str, info: dict[str, Any]) -> None: ...


def save_label(store: LabelKeeper, image: str, label: Path, tag: str, info: Mapping[str, Any]) -> str:
    """Keep a mask that fits the image's grid; with the tag `final` it is filed in the archive as DICOM SEG too.

    Saving the same mask again only renews what is told about it; another one is a new version beside the others.

    Returns:
        The label's id, which is the image's.

    Raises:
        UnknownNameError, InputError, LabelError, EmptySegmentationError, DeliveryError: nothing was written.
    """
    tag = check_name("label tag", tag)
    folder = Path(store.get_image_uri(image))
    values = label_values(info, store.model_labels())
    labelmap = read_label(label, folder, values)
    digest = digest_of(labelmap, values)
    before = store.labels.book.find(image, tag)
    if before is not None and before.sha256 == digest:
        store.update_label_info(image, tag, dict(info))
        return image
    with tempfile.TemporaryDirectory(dir=store.home, prefix=".saving-") as scratch:
        local = write_label(labelmap, folder, Path(scratch) / "label.nrrd")
        kept = {**info, "label_values": values}
        if tag == FINAL:
            facts = store.labels.book.image_info(image).get(INFERENCE)
            # Slicer names every segment it shows, the empty ones too; those need no DICOM code.
            drawn = {name: value for name, value in values.items() if (labelmap == value).any()}
            segmentation = seg_of_annotator(load_series(folder), labelmap, drawn or values, facts)
            kept["dicom_seg"] = describe(store_segmentation(store.archive, segmentation))
            store.labels.book.note_segmentation(kept["dicom_seg"]["series"], image, TAKEN)
        store.labels.keep(image, tag, local, digest, kept)
    return image


def describe(stored: StoredInstance) -> dict[str, str]:
    """A stored SEG in plain values: its UIDs, and its file where the archive is a folder."""
    uids = {"study": stored.key.study_uid, "series": stored.key.series_uid, "instance": stored.sop_uid}
    return {**uids, "path": str(stored.path)} if stored.path else uids
