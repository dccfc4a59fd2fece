"""Labels that reached the archive another way: a SEG that an annotator saved from a viewer counts as final label.

OHIF and 3D Slicer can write a SEG straight into the PACS, and so can another server. What a program alone made
(SegmentAlgorithmType AUTOMATIC) is no label: a model must not learn from results that nobody looked at.
"""

import logging
import tempfile
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sdseg.dicom.seg_reader import read_seg
from sdseg.dicom.series import load_series
from sdseg.errors import DeliveryError, SdsegError
from sdseg.pacs.archive import AS_STORED
from sdseg.pacs.asking import asking
from sdseg.pacs.search import (
    Attributes,
    SeriesKey,
    items_of,
    list_segmentation_series,
    read_headers,
    referenced_series,
    text_of,
)
from sdseg_app.label_book import LEFT, TAKEN, WAITING
from sdseg_app.label_files import digest_of, write_label
from sdseg_app.label_saving import LabelKeeper
from sdseg_app.label_store import FINAL

logger = logging.getLogger(__name__)

_TIMES = (
    ("ContentDate", "ContentTime"),
    ("InstanceCreationDate", "InstanceCreationTime"),
    ("SeriesDate", "SeriesTime"),
)


@dataclass(frozen=True)
class _Found:
    """A SEG of a person: its series and instance, its image, and when it was made (seconds since the epoch, or 0)."""

    key: SeriesKey
    sop_uid: str
    image: str
    made: float


def adopt_labels(store: LabelKeeper, images: Collection[str]) -> list[str]:
    """Keep as final labels of `images` the SEGs of the archive that are newer than what is kept; the newest counts.

    Each SEG series is looked at once. One that does not fit its image is told in the log and left, and told here,
    one sentence each. Raises DeliveryError: the archive does not answer.
    """
    looked_at = store.labels.book.segmentations()
    found = []
    for key in list_segmentation_series(store.archive):
        image, verdict = looked_at.get(key.series_uid, ("", WAITING))
        if verdict == WAITING and (not image or image in images):
            found.extend(_look(store, key, images))
    told = [_adopt(store, segmentation) for segmentation in sorted(found, key=lambda one: one.made)]
    return [remark for remark in told if remark]


def _look(store: LabelKeeper, key: SeriesKey, images: Collection[str]) -> list[_Found]:
    """The SEG in this series if it may become a label now; what else it is, is noted."""
    book = store.labels.book
    if book.was_filed(key.series_uid):
        book.note_segmentation(key.series_uid, "", TAKEN)
        return []
    try:
        headers = read_headers(store.archive, key)
    except DeliveryError as error:
        logger.warning("%s", error)
        return []
    if len(headers) != 1 or not _is_by_a_person(headers[0]):
        book.note_segmentation(key.series_uid, "", LEFT)
        return []
    (header,) = headers
    referenced = referenced_series(header)
    image = next((uid for uid in referenced if uid in images), None)
    if image is None:
        # Its image may come later, or belong to another model.
        book.note_segmentation(key.series_uid, next(iter(referenced), ""), WAITING if referenced else LEFT)
        return []
    return [_Found(key, text_of(header, "SOPInstanceUID"), image, _made(header))]


def _adopt(store: LabelKeeper, found: _Found) -> str:
    """What is to be told about it, "" for nothing."""
    kept = store.labels.book.find(found.image, FINAL)
    verdict, remark = LEFT, ""
    if kept is None or found.made > kept.saved:
        try:
            _keep(store, found)
            verdict = TAKEN
        except DeliveryError as error:
            logger.warning("%s", error)
            return str(error)  # another time
        except SdsegError as error:
            remark = f"The segmentation {found.sop_uid} is not taken as a label of its image: {error}"
            logger.warning("%s", remark)
    store.labels.book.note_segmentation(found.key.series_uid, found.image, verdict)
    return remark


def _keep(store: LabelKeeper, found: _Found) -> None:
    """Raises LabelError, InputError: it does not fit its image; DeliveryError."""
    folder = Path(store.get_image_uri(found.image))
    with asking(store.archive, f"reading segmentation {found.sop_uid}"):
        segmentation = store.archive.retrieve_instance(
            found.key.study_uid, found.key.series_uid, found.sop_uid, media_types=AS_STORED
        )
    mask, values = read_seg(segmentation, load_series(folder))
    labelmap = mask.transpose(2, 1, 0)  # (slices, rows, columns) to (i, j, k)
    digest = digest_of(labelmap, values)
    before = store.labels.book.find(found.image, FINAL)
    if not labelmap.any() or (before is not None and before.sha256 == digest):
        return
    uids = {"study": found.key.study_uid, "series": found.key.series_uid, "instance": found.sop_uid}
    with tempfile.TemporaryDirectory(dir=store.home, prefix=".saving-") as scratch:
        local = write_label(labelmap, folder, Path(scratch) / "label.nrrd")
        info = {"label_values": values, "dicom_seg": uids, "from_archive": True}
        store.labels.keep(found.image, FINAL, local, digest, info, found.made or None)
    logger.info("The segmentation %s of the archive is the final label of image %s.", found.sop_uid, found.image)


def _is_by_a_person(header: Attributes) -> bool:
    """Whether a person drew or edited any of its segments (PS3.3 C.8.20.2)."""
    kinds = {text_of(item, "SegmentAlgorithmType") for item in items_of(header, "SegmentSequence")}
    return bool(kinds & {"MANUAL", "SEMIAUTOMATIC"})


def _made(header: Attributes) -> float:
    for date, time in _TIMES:
        text = text_of(header, date) + (text_of(header, time) or "0").partition(".")[0].ljust(6, "0")
        try:
            return datetime.strptime(text, "%Y%m%d%H%M%S").timestamp()
        except ValueError:
            continue
    return 0.0
