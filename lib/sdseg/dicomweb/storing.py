"""Storing what arrives in a folder (STOW-RS, PS3.18 10.5)."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from pydicom import dcmread
from pydicom.datadict import dictionary_VR, tag_for_keyword

from sdseg.dicom.files import READ_ERRORS
from sdseg.dicom.header import text
from sdseg.dicomweb.answer import DICOM_JSON, Answer, warning
from sdseg.dicomweb.multipart import read_parts
from sdseg.errors import InputError, SdsegError
from sdseg.pacs.folder_client import DUPLICATE_SOP_INSTANCE, DuplicateError, FolderClient
from sdseg.pacs.outgoing import Outgoing
from sdseg.scratch import scratch_folder

logger = logging.getLogger(__name__)

_UNREADABLE, _OTHER_STUDY, _NO_ROOM = 0xC000, 0xA900, 0xA700  # Table I.2-2


@dataclass(frozen=True)
class _Outcome:
    """What became of one object; `reason` 0 when it is stored, `remark` for the Warning header."""

    sop_class: str
    sop_uid: str
    study: str
    series: str
    reason: int = 0
    remark: str = ""


def store_message(client: FolderClient, body: BinaryIO, content_type: str, study: str, base: str) -> Answer:
    """Store the parts of a message; 200 all stored, 202 some, 409 none of them.

    Args:
        client: the folder.
        body: the multipart message.
        content_type: its type, with the boundary.
        study: UID of the study that the address names, or ""; objects of another one are refused.
        base: address of the service.

    Raises RequestError: the message cannot be read; nothing was stored.
    """
    with scratch_folder() as folder:
        outcomes = [_store(client, path, study) for path in read_parts(body, content_type, folder)]
    failed = [outcome for outcome in outcomes if outcome.reason]
    status = 200 if not failed else 409 if len(failed) == len(outcomes) else 202
    content = json.dumps(_dataset(outcomes, base)).encode()
    remarks = " ".join(outcome.remark for outcome in failed[:3])
    return Answer(status, DICOM_JSON, [content], warning(remarks) if remarks else {})


def _store(client: FolderClient, path: Path, study: str) -> _Outcome:
    sop_class = sop_uid = of_study = of_series = ""
    try:
        file = Outgoing.read(path)
        sop_class = text(dcmread(path, specific_tags=["SOPClassUID"], stop_before_pixels=True), "SOPClassUID")
        sop_uid, of_study, of_series = file.sop_uid, file.key.study_uid, file.key.series_uid
        if not sop_class:
            raise InputError("The object has no SOPClassUID: export it again.")
        if study and of_study != study:
            reason, remark = _OTHER_STUDY, f"{sop_uid} belongs to another study than the address names."
        else:
            client.store_file(file.path)
            reason, remark = 0, ""
    except DuplicateError as error:
        reason, remark = DUPLICATE_SOP_INSTANCE, str(error)
    except SdsegError as error:
        reason, remark = _UNREADABLE, str(error)
    except READ_ERRORS as error:
        full = isinstance(error, OSError)
        reason, remark = (_NO_ROOM, f"The folder cannot be written: {error}.") if full else (_UNREADABLE, "Damaged.")
    if reason:
        logger.warning("An object was not stored: %s", remark)
    return _Outcome(sop_class, sop_uid, of_study, of_series, reason, remark)


def _dataset(outcomes: Sequence[_Outcome], base: str) -> dict[str, object]:
    stored = [_item(one, base) for one in outcomes if not one.reason]
    failed = [_item(one, base) for one in outcomes if one.reason and one.sop_uid]
    others = [_element("FailureReason", [one.reason]) for one in outcomes if one.reason and not one.sop_uid]
    studies = {one.study for one in outcomes if not one.reason}
    told = _element("RetrieveURL", [f"{base}/studies/{studies.pop()}"] if len(studies) == 1 else [])
    for keyword, items in (
        ("ReferencedSOPSequence", stored), ("FailedSOPSequence", failed), ("OtherFailuresSequence", others),
    ):  # fmt: skip
        told |= _element(keyword, items) if items else {}
    return told


def _item(one: _Outcome, base: str) -> dict[str, object]:
    item = _element("ReferencedSOPClassUID", [one.sop_class] if one.sop_class else [])
    item |= _element("ReferencedSOPInstanceUID", [one.sop_uid])
    if one.reason:
        return item | _element("FailureReason", [one.reason])
    return item | _element("RetrieveURL", [f"{base}/studies/{one.study}/series/{one.series}/instances/{one.sop_uid}"])


def _element(keyword: str, values: Sequence[object]) -> dict[str, object]:
    tag = tag_for_keyword(keyword)
    assert tag is not None
    vr = dictionary_VR(tag)
    return {f"{tag:08X}": {"vr": vr, "Value": list(values)} if values else {"vr": vr}}
