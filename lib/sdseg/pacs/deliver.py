"""Filing a segmentation in an archive, and making sure that it is there."""

import copy
import time
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import pydicom
from pydicom import DataElement, Dataset

from sdseg.errors import DeliveryError
from sdseg.pacs.archive import AS_STORED, Archive, asking
from sdseg.pacs.folder_client import FolderClient
from sdseg.pacs.search import SeriesKey, list_instance_uids

# Seconds to wait before each look: some archives answer a store before their search knows the object.
_LOOKS = (0.0, 0.5, 2.0)


@dataclass(frozen=True)
class StoredInstance:
    """An instance which the archive was seen to hold; `path` only where the archive is a folder."""

    key: SeriesKey
    sop_uid: str
    path: Path | None = None


def store_segmentation(client: Archive, segmentation: Dataset) -> StoredInstance:
    """Store a DICOM SEG and confirm by a search that it arrived. Raises DeliveryError.

    The archive's answer to the store alone proves nothing: some servers answer "stored" and keep nothing, and
    most keep the old object when one of the same UID but other content comes. A SEG that is there already, made
    at another time but otherwise equal, is left as it is; another one under its UID is an error.
    """
    segmentation = as_file(segmentation)
    sop_uid = str(segmentation.SOPInstanceUID)
    key = SeriesKey(str(segmentation.StudyInstanceUID), str(segmentation.SeriesInstanceUID), segmentation.Modality)
    if sop_uid in list_instance_uids(client, key):
        with asking(client, f"reading segmentation {sop_uid}"):
            present = client.retrieve_instance(key.study_uid, key.series_uid, sop_uid, media_types=AS_STORED)
        if not same_content(present, segmentation):
            raise DeliveryError(
                f"The archive {client.base_url} holds another object under the UID {sop_uid}; it was left as it is."
            )
        return StoredInstance(key, sop_uid, _path_in_folder(client, key, sop_uid))
    with asking(client, f"storing segmentation {sop_uid}"):
        answer = client.store_instances([segmentation])
    # The sequence of failures may be present and empty.
    failed = answer.get("FailedSOPSequence") or []
    if len(failed) > 0:
        reason = failed[0].get("FailureReason")
        raise DeliveryError(
            f"The archive {client.base_url} refused segmentation {sop_uid} "
            f"(failure reason {'unknown' if reason is None else f'{reason:04X}'}); its log should say why."
        )
    for pause in _LOOKS:
        time.sleep(pause)
        if sop_uid in list_instance_uids(client, key):
            return StoredInstance(key, sop_uid, _path_in_folder(client, key, sop_uid))
    raise DeliveryError(
        f"The archive {client.base_url} accepted segmentation {sop_uid} but does not list it; "
        "nothing may have been stored."
    )


def as_file(dataset: Dataset) -> Dataset:
    """The dataset as read from its file: dicomweb-client sends one without preamble as it is, and it gets stored."""
    buffer = BytesIO()
    pydicom.dcmwrite(buffer, dataset, enforce_file_format=True)
    buffer.seek(0)
    return pydicom.dcmread(buffer)


def same_content(one: Dataset, other: Dataset) -> bool:
    """Equal but for dates, times and private tags; both as read from a file."""
    one, other = copy.deepcopy(one), copy.deepcopy(other)
    for dataset in (one, other):
        dataset.remove_private_tags()
        dataset.walk(_forget_time)
    return bool(one == other)


def _forget_time(dataset: Dataset, element: DataElement) -> None:
    if element.VR in ("DA", "TM", "DT"):
        del dataset[element.tag]


def _path_in_folder(client: Archive, key: SeriesKey, sop_uid: str) -> Path | None:
    if not isinstance(client, FolderClient):
        return None
    paths = client.instance_paths(key.study_uid, key.series_uid)
    return next((path for path in paths if path.stem == sop_uid), paths[0] if paths else None)
