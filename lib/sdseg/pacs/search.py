"""What an archive holds: image series, and segmentations of them."""

import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any

from pydicom.datadict import tag_for_keyword

from sdseg.errors import InputError, UnknownNameError
from sdseg.pacs.answers import NotThereError
from sdseg.pacs.archive import Archive
from sdseg.pacs.asking import asking
from sdseg.pacs.folder_client import FolderClient
from sdseg.pacs.uids import is_uid

logger = logging.getLogger(__name__)

# Series without slices to segment: results, documents, plans, measurements.
NOT_IMAGES = frozenset({
    "SEG", "SR", "PR", "KO", "DOC", "AU", "ECG", "EPS", "HD", "IO", "REG", "RWV", "FID", "SMR", "PLAN",
    "RTDOSE", "RTPLAN", "RTRECORD", "RTSEGANN", "RTSTRUCT",
})  # fmt: skip
_PAGE = 1000
_FIELDS = ("StudyInstanceUID", "Modality", "StudyDate", "NumberOfSeriesRelatedInstances")

Attributes = dict[str, dict[str, Any]]  # one search result in DICOM JSON: tag -> {"vr": ..., "Value": [...]}


@dataclass(frozen=True)
class SeriesKey:
    """A series and its study. UIDs are checked, so they may be used as file names.

    `study_date` (DA, "YYYYMMDD") and `images` (how many instances) are what the archive told, for people to read.
    """

    study_uid: str
    series_uid: str
    modality: str
    study_date: str = field(default="", compare=False)
    images: int | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        for uid in (self.study_uid, self.series_uid):
            if not is_uid(uid):
                raise InputError(f"{uid!r} is not a DICOM UID (digits and dots, at most 64 characters).")


def list_image_series(client: Archive, modalities: Collection[str] | None = None) -> list[SeriesKey]:
    """All image series, sorted by study and series UID; only those of `modalities` if given."""
    keys = [key for key in _search_series(client) if key.modality not in NOT_IMAGES]
    wanted = [key for key in keys if modalities is None or key.modality in modalities]
    return sorted(wanted, key=lambda key: (key.study_uid, key.series_uid))


def find_image_series(client: Archive, series_uid: str) -> SeriesKey:
    """The image series with this UID. Raises UnknownNameError."""
    if is_uid(series_uid):
        for key in _search_series(client, {"SeriesInstanceUID": series_uid}):
            # Compared again: a server may ignore a filter that it does not know.
            if key.series_uid == series_uid and key.modality not in NOT_IMAGES:
                return key
    raise UnknownNameError(
        f"There is no image series {series_uid!r} in the archive {client.base_url}; ask for the list of images."
    )


def list_instance_uids(client: Archive, key: SeriesKey) -> list[str]:
    """The SOP Instance UIDs of a series, sorted."""
    with asking(client, f"listing the instances of series {key.series_uid}"):
        found = _all_pages(
            lambda offset: client.search_for_instances(
                study_instance_uid=key.study_uid,
                series_instance_uid=key.series_uid,
                limit=_PAGE,
                offset=offset,
            ),
            "SOPInstanceUID",
        )
    return sorted(found)


def holds_instance(client: Archive, key: SeriesKey, sop_uid: str) -> bool:
    """Whether the archive lists this instance (QIDO-RS, PS3.18 10.6)."""
    try:
        with asking(client, f"searching for {sop_uid}"):
            found = client.search_for_instances(
                study_instance_uid=key.study_uid,
                series_instance_uid=key.series_uid,
                search_filters={"SOPInstanceUID": sop_uid},
            )
            uids = {text_of(attributes, "SOPInstanceUID") for attributes in found}
    except NotThereError:  # so some archives say that they do not have the study
        return False
    if sop_uid in uids or not uids:
        return sop_uid in uids
    return sop_uid in list_instance_uids(client, key)  # it ignores the filter


def list_segmentation_series(client: Archive, study_uid: str | None = None) -> list[SeriesKey]:
    """The SEG series of one study, or of all."""
    return [key for key in _search_series(client, {"Modality": "SEG"}, study_uid) if key.modality == "SEG"]


def read_headers(client: Archive, key: SeriesKey) -> list[Attributes]:
    """The headers of all instances of a series, in DICOM JSON."""
    with asking(client, f"reading the headers of series {key.series_uid}"):
        headers: list[Attributes] = client.retrieve_series_metadata(key.study_uid, key.series_uid)
    return headers


def list_segmentations(client: Archive, source: SeriesKey) -> list[SeriesKey]:
    """The SEG series of the same study that refer to `source`."""
    return [
        key
        for key in list_segmentation_series(client, source.study_uid)
        if any(source.series_uid in referenced_series(header) for header in read_headers(client, key))
    ]


def text_of(attributes: Attributes, keyword: str) -> str:
    """The first value of one attribute as text, '' when it is absent."""
    values = attributes.get(f"{tag_for_keyword(keyword):08X}", {}).get("Value") or [""]
    return str(values[0])


def search_series(
    client: Archive, filters: dict[str, str] | None = None, study_uid: str | None = None
) -> dict[str, Attributes]:
    """What the archive tells of the series that match, by SeriesInstanceUID. A server may ignore a filter."""
    # A server need not send these unasked; the folder always does, and complains about being asked.
    fields = None if isinstance(client, FolderClient) else list(dict.fromkeys([*_FIELDS, *(filters or ())]))
    with asking(client, "searching for series"):
        return _all_pages(
            lambda offset: client.search_for_series(
                study_instance_uid=study_uid,
                fields=fields,
                search_filters=filters,
                limit=_PAGE,
                offset=offset,
            ),
            "SeriesInstanceUID",
        )


def keys_of(found: dict[str, Attributes], study_uid: str | None = None) -> list[SeriesKey]:
    """The series of a search; those with UIDs that are none are left out, and the log says so."""
    keys = []
    for series_uid, attributes in found.items():
        try:
            keys.append(
                SeriesKey(
                    study_uid or text_of(attributes, "StudyInstanceUID"),
                    series_uid,
                    text_of(attributes, "Modality"),
                    text_of(attributes, "StudyDate"),
                    _count(text_of(attributes, "NumberOfSeriesRelatedInstances")),
                )
            )
        except InputError as error:
            logger.warning("A series is left out: %s", error)
    return keys


def _search_series(
    client: Archive, filters: dict[str, str] | None = None, study_uid: str | None = None
) -> list[SeriesKey]:
    return keys_of(search_series(client, filters, study_uid), study_uid)


def _count(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) < 10 else None


def _all_pages(search: Callable[[int], list[Attributes]], identifier: str) -> dict[str, Attributes]:
    """All results by their UID. Stops when a page brings nothing new: some servers ignore the offset, and
    some send fewer than asked for although there are more."""
    found: dict[str, Attributes] = {}
    while True:
        page = {text_of(attributes, identifier): attributes for attributes in search(len(found))}
        if page.keys() <= found.keys():
            return found
        found.update(page)


def referenced_series(header: Attributes) -> list[str]:
    """The series that an object refers to, in its own order."""
    return [text_of(item, "SeriesInstanceUID") for item in items_of(header, "ReferencedSeriesSequence")]


def items_of(attributes: Attributes, keyword: str) -> list[Attributes]:
    """The items of a sequence, [] when it is absent or empty."""
    return list(attributes.get(f"{tag_for_keyword(keyword):08X}", {}).get("Value") or [])
