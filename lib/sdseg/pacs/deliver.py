"""Filing an object in an archive, and making sure that it is there."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pydicom
from pydicom import Dataset

from sdseg.dicom.files import read_file
from sdseg.errors import DeliveryError, RefusedError
from sdseg.pacs.archive import AS_STORED, Archive
from sdseg.pacs.asking import asking
from sdseg.pacs.content import same_content
from sdseg.pacs.folder_client import FolderClient
from sdseg.pacs.outgoing import Outgoing
from sdseg.pacs.reasons import reason_in_words
from sdseg.pacs.search import SeriesKey, holds_instance
from sdseg.pacs.stow import stow, warning_of
from sdseg.scratch import scratch_folder

LOOKS = (0.0, 0.25, 0.5, 1.0, 2.0, 4.0)
"""Seconds to wait before each look: some archives answer a store before their search knows the object."""


@dataclass(frozen=True)
class StoredInstance:
    """An instance which the archive was seen to hold; `path` only where the archive is a folder.

    `already_there`: the archive held it before. `warning`: what the archive remarked, "" if nothing.
    """

    key: SeriesKey
    sop_uid: str
    path: Path | None = None
    already_there: bool = field(default=False, compare=False)
    warning: str = field(default="", compare=False)


def store_segmentation(client: Archive, segmentation: Dataset, looks: Sequence[float] = LOOKS) -> StoredInstance:
    """Store a DICOM SEG and confirm by a search that it arrived, see `store_file`. Raises DeliveryError."""
    with scratch_folder() as scratch:
        path = scratch / "segmentation.dcm"
        pydicom.dcmwrite(path, segmentation, enforce_file_format=True)
        return store_file(client, Outgoing.read(path), looks)


def store_file(client: Archive, file: Outgoing, looks: Sequence[float] | None = LOOKS) -> StoredInstance:
    """Store a DICOM file and confirm by a search that it arrived; storing it again changes nothing.

    The archive's answer to the store alone proves nothing: some servers answer "stored" and keep nothing, and
    most keep the old object when one of the same UID but other content comes. An object that is there already, made
    at another time but otherwise equal, is left as it is; another one under its UID is an error.

    Args:
        client: the archive.
        file: what to store.
        looks: seconds to wait before each look for it; None: the answer must do.

    Raises:
        RefusedError: no other try helps; DeliveryError: another may.
    """
    if _is_there(client, file):
        return StoredInstance(file.key, file.sop_uid, _path_in_folder(client, file), already_there=True)
    warning, named = _store(client, file)
    if looks is None:
        if not named:
            raise DeliveryError(
                f"The archive {client.base_url} answered without a word about {file.sop_uid}; "
                "nothing may have been stored."
            )
    elif not _appears(client, file, looks):
        raise DeliveryError(
            f"The archive {client.base_url} accepted {file.sop_uid} but does not list it; nothing may have been stored."
        )
    return StoredInstance(file.key, file.sop_uid, _path_in_folder(client, file), warning=warning)


def require_instance(client: Archive, file: Outgoing, looks: Sequence[float] = LOOKS) -> None:
    """Make sure that the archive holds the object of a file which came there another way.

    Raises RefusedError: it holds another one under its UID; DeliveryError: it does not list it.
    """
    if not _appears(client, file, looks) or not _is_there(client, file):
        raise DeliveryError(f"The archive {client.base_url} does not list {file.sop_uid}; try again later.")


def _is_there(client: Archive, file: Outgoing) -> bool:
    """Whether the archive has this object. Raises RefusedError: it has another one under its UID."""
    if not holds_instance(client, file.key, file.sop_uid):
        return False
    with asking(client, f"reading {file.sop_uid}"):
        present = client.retrieve_instance(file.key.study_uid, file.key.series_uid, file.sop_uid, media_types=AS_STORED)
        same = same_content(present, read_file(file.path))
    if not same:
        raise RefusedError(
            f"The archive {client.base_url} holds another object under the UID {file.sop_uid}; it was left as it is."
        )
    return True


def _store(client: Archive, file: Outgoing) -> tuple[str, bool]:
    """The archive's remark, and whether it names the object as stored."""
    if isinstance(client, FolderClient):
        _store_in_folder(client, file)
        return "", True
    try:
        answer = stow(client, file)
    except RefusedError:
        # Somebody else may have stored it meanwhile, which some archives call a conflict.
        with suppress(DeliveryError):  # the refusal says more
            if _is_there(client, file):
                return "", True
        raise
    return warning_of(answer), answer is not None and answer.stored


def _store_in_folder(client: FolderClient, file: Outgoing) -> None:
    with asking(client, f"storing {file.sop_uid}"):
        answer = client.store_instances([read_file(file.path)])
    for failed in answer.get("FailedSOPSequence") or []:
        raise RefusedError(
            f"The archive {client.base_url} refused {file.sop_uid}: {reason_in_words(failed.FailureReason)}."
        )


def _appears(client: Archive, file: Outgoing, looks: Sequence[float]) -> bool:
    for pause in looks:
        time.sleep(pause)
        if holds_instance(client, file.key, file.sop_uid):
            return True
    return False


def _path_in_folder(client: Archive, file: Outgoing) -> Path | None:
    if not isinstance(client, FolderClient):
        return None
    return client.instance_path(file.sop_uid)
