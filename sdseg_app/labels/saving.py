"""Saving a label: check it against the image, file a final one in the archive, keep a local copy."""

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from sdseg.corrections.book import TAKEN, LabelRecord
from sdseg.corrections.store import FINAL, LabelStore
from sdseg.dicom.series import load_series
from sdseg.pacs.archive import Archive
from sdseg.pacs.deliver import StoredInstance, store_segmentation
from sdseg_app.labels.beginning import INFERENCE, Beginning, beginning_of, note_again
from sdseg_app.labels.files import Labelmap, digest_of, read_label, write_label
from sdseg_app.labels.seg import seg_of_annotator
from sdseg_app.names import check_name, label_values

__all__ = ["INFERENCE", "LabelKeeper", "describe", "save_label"]


class LabelKeeper(Protocol):
    """What saving a label needs of a datastore."""

    archive: Archive
    home: Path
    labels: LabelStore
    model_labels: Callable[[], dict[str, int]]

    def get_image_uri(self, image_id: str) -> str: ...


def save_label(
    store: LabelKeeper, image: str, label: Path, tag: str, info: Mapping[str, Any], annotator: str = ""
) -> str:
    """Keep a mask that fits the image's grid; with the tag `final` it is filed in the archive as DICOM SEG too.

    Saving the same mask again only renews what is told about it; another one is a new version beside the others. An
    annotator who saves another one's mask has a label of his own then, of which there is one SEG.

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
    own = store.labels.book.find(image, tag, annotator)
    latest = store.labels.book.find(image, tag)
    began = beginning_of(store.labels, image, labelmap, values, info)
    if own is not None and own.sha256 == digest and own == latest:
        # What it began from was known when it was saved first: the model may have seen the image again since.
        store.labels.book.add_info(own, note_again(info))
        return image
    with tempfile.TemporaryDirectory(dir=store.home, prefix=".saving-") as scratch:
        local = write_label(labelmap, folder, Path(scratch) / "label.nrrd")
        kept = {**info, "label_values": values, **began.info}
        if tag == FINAL:
            kept["dicom_seg"] = _file(store, folder, labelmap, values, began, annotator, _same(latest, digest))
        changed = began.write_changed(local, Path(scratch) / "changed.nrrd")
        store.labels.keep(image, tag, local, digest, kept, annotator=annotator, changed=changed)
        if tag == FINAL:
            # Last: a SEG whose label was not kept, because the machine died, is found in the archive and kept then.
            store.labels.book.note_segmentation(kept["dicom_seg"]["series"], image, TAKEN)
    return image


def _same(latest: LabelRecord | None, digest: str) -> dict[str, str] | None:
    """Where the label that counts is filed, if it is this mask."""
    return latest.info.get("dicom_seg") if latest is not None and latest.sha256 == digest else None


def _file(
    store: LabelKeeper,
    folder: Path,
    labelmap: Labelmap,
    values: dict[str, int],
    began: Beginning,
    annotator: str,
    filed: dict[str, str] | None,
) -> dict[str, str]:
    """UIDs of the SEG in the archive, and its path in a folder. Raises as `save_label`."""
    if filed is not None:
        return filed
    # Slicer names every segment it shows, the empty ones too; those need no DICOM code.
    drawn = {name: value for name, value in values.items() if (labelmap == value).any()}
    segmentation = seg_of_annotator(load_series(folder), labelmap, drawn or values, began.facts, annotator)
    return describe(store_segmentation(store.archive, segmentation))


def describe(stored: StoredInstance) -> dict[str, str]:
    """A stored SEG in plain values: its UIDs, and its file where the archive is a folder."""
    uids = {"study": stored.key.study_uid, "series": stored.key.series_uid, "instance": stored.sop_uid}
    return {**uids, "path": str(stored.path)} if stored.path else uids
