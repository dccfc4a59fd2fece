"""Labels that reached the archive another way: a SEG that an annotator saved from a viewer counts as final label.

OHIF and 3D Slicer can write a SEG straight into the PACS, and so can another server. What a program alone made
(SegmentAlgorithmType AUTOMATIC) is no label: a model must not learn from results that nobody looked at.
"""

import logging
import tempfile
from collections.abc import Collection
from pathlib import Path

from sdseg.corrections.book import LEFT, TAKEN, WAITING
from sdseg.corrections.store import FINAL
from sdseg.dicom.seg_reader import read_seg
from sdseg.dicom.series import load_series
from sdseg.errors import DeliveryError, SdsegError
from sdseg.pacs.archive import AS_STORED
from sdseg.pacs.asking import asking
from sdseg.pacs.search import SeriesKey, list_segmentation_series, read_headers
from sdseg_app.labels.beginning import beginning_of
from sdseg_app.labels.files import digest_of, write_label
from sdseg_app.labels.found_segs import DAY, FoundSeg, examine
from sdseg_app.labels.saving import LabelKeeper
from sdseg_app.labels.segment_names import model_names

logger = logging.getLogger(__name__)


def adopt_labels(store: LabelKeeper, images: Collection[str], arrived: Collection[str] = ()) -> list[str]:
    """Keep as final labels of `images` the SEGs of the archive that are newer than what is kept of their annotator;
    the newest of all counts.

    Each SEG series is looked at once, and again when it is among `arrived`. Returns what is to be told about those
    that are no labels, or not of the model's structures, one sentence each; it is in the log too. Raises
    DeliveryError: the archive does not answer.
    """
    looked_at = store.labels.book.segmentations()
    found: list[FoundSeg] = []
    told: list[str] = []
    for key in list_segmentation_series(store.archive):
        image, verdict = looked_at.get(key.series_uid, ("", WAITING))
        new = key.series_uid in arrived
        if new or (verdict == WAITING and (not image or image in images)):
            seen = _look(store, key, images, new)
            if isinstance(seen, FoundSeg):
                found.append(seen)
            elif seen and new:
                told.append(seen)
    for segmentation in sorted(found, key=lambda one: one.made):
        told += _adopt(store, segmentation)
    for remark in told:
        logger.warning("%s", remark)
    return told


def _look(store: LabelKeeper, key: SeriesKey, images: Collection[str], arrived: bool) -> FoundSeg | str:
    """The SEG in this series if it may become a label now; else that is noted, and why, "" where nobody wonders."""
    book = store.labels.book
    if book.was_filed(key.series_uid):
        book.note_segmentation(key.series_uid, "", TAKEN)
        return ""
    try:
        headers = read_headers(store.archive, key)
    except DeliveryError as error:
        return str(error)
    seen = examine(key, headers, images, arrived)
    if isinstance(seen, FoundSeg):
        return seen
    book.note_segmentation(key.series_uid, seen.image, WAITING if seen.waits else LEFT)
    return seen.why


def _adopt(store: LabelKeeper, found: FoundSeg) -> list[str]:
    """What is to be told about it."""
    own = store.labels.book.find(found.image, FINAL, found.creator)
    verdict = LEFT
    if own is not None and found.made <= own.saved:
        remarks = [f"The segmentation {found.sop_uid} is older than its annotator's label of its image, which stays."]
    else:
        try:
            remarks, verdict = _keep(store, found), TAKEN
        except DeliveryError as error:
            return [str(error)]  # another time
        except SdsegError as error:
            remarks = [f"The segmentation {found.sop_uid} is not taken as a label of its image: {error}"]
    store.labels.book.note_segmentation(found.key.series_uid, found.image, verdict)
    return remarks


def _keep(store: LabelKeeper, found: FoundSeg) -> list[str]:
    """What is to be told. Raises LabelError, InputError: it does not fit its image; DeliveryError."""
    folder = Path(store.get_image_uri(found.image))
    with asking(store.archive, f"reading segmentation {found.sop_uid}"):
        segmentation = store.archive.retrieve_instance(
            found.key.study_uid, found.key.series_uid, found.sop_uid, media_types=AS_STORED
        )
    mask, named = read_seg(segmentation, load_series(folder))
    values, remarks = _renamed(named, model_names(segmentation, store.model_labels()), found.sop_uid)
    labelmap = mask.transpose(2, 1, 0)  # (slices, rows, columns) to (i, j, k)
    digest = digest_of(labelmap, values)
    if not labelmap.any():
        return [f"The segmentation {found.sop_uid} is not taken as a label of its image: it is empty."]
    own = store.labels.book.find(found.image, FINAL, found.creator)
    if own is not None and own.sha256 == digest:
        return remarks
    uids = {"study": found.key.study_uid, "series": found.key.series_uid, "instance": found.sop_uid}
    # The clock of a viewer may be wrong by a time zone.
    began = beginning_of(
        store.labels, found.image, labelmap, values, {}, before=found.made + DAY if found.made else None
    )
    # One without a date never goes before what is there.
    made = found.made if found.made or store.labels.book.find(found.image, FINAL) else None
    with tempfile.TemporaryDirectory(dir=store.home, prefix=".saving-") as scratch:
        local = write_label(labelmap, folder, Path(scratch) / "label.nrrd")
        info = {"label_values": values, "dicom_seg": uids, "from_archive": True, **began.info}
        changed = began.write_changed(local, Path(scratch) / "changed.nrrd")
        store.labels.keep(found.image, FINAL, local, digest, info, made, found.creator, changed)
    logger.info("The segmentation %s of the archive is a final label of image %s.", found.sop_uid, found.image)
    return remarks


def _renamed(own: dict[str, int], names: dict[str, str], sop_uid: str) -> tuple[dict[str, int], list[str]]:
    """The values under the model's names; a segment that means none of them, or one twice, keeps its own."""
    meant = list(names.values())
    values = {names[label] if meant.count(names.get(label, "")) == 1 else label: value for label, value in own.items()}
    strange = [f'"{label}"' for label in own if label not in names]
    if not strange:
        return values, []
    told = ", ".join(strange[:3]) + (" and others" if len(strange) > 3 else "")
    return values, [f"Of the segmentation {sop_uid}, {told}: no structure of the model, kept under its own name."]
