"""Filing a segmentation in an archive, and making sure that it is there."""

import time
from dataclasses import dataclass
from pathlib import Path

from pydicom import Dataset

from sdseg.errors import DeliveryError
from sdseg.pacs.archive import Archive, asking
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

    The archive's answer to the store alone proves nothing: some servers answer "stored" and keep nothing.
    """
    sop_uid = str(segmentation.SOPInstanceUID)
    key = SeriesKey(
        str(segmentation.StudyInstanceUID), str(segmentation.SeriesInstanceUID), segmentation.Modality
    )
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


def _path_in_folder(client: Archive, key: SeriesKey, sop_uid: str) -> Path | None:
    if not isinstance(client, FolderClient):
        return None
    paths = client.instance_paths(key.study_uid, key.series_uid)
    return next((path for path in paths if path.stem == sop_uid), paths[0] if paths else None)
