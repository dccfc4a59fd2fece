"""The DICOM SEGs in an archive that some weights made."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from sdseg.dicom.seg_weights import labels_of, weights_of
from sdseg.errors import InputError
from sdseg.pacs.answers import NotThereError
from sdseg.pacs.archive import Archive
from sdseg.pacs.search import Attributes, SeriesKey, list_segmentation_series, read_headers, text_of


@dataclass(frozen=True)
class MadeSegmentation:
    """A SEG in the archive; nothing that tells the patient.

    Attributes:
        study_uid, series_uid, sop_uid: where it lies.
        made: Content Date and Time (0008,0023; 0008,0033), ISO 8601 as far as they go; the clock of whoever made it.
        weights_sha256: of the weights that it names and that were asked for.
        edited: whether a person changed it (Segment Algorithm Type SEMIAUTOMATIC).
        structures: labels of its segments.
    """

    study_uid: str
    series_uid: str
    sop_uid: str
    made: str
    weights_sha256: str
    edited: bool
    structures: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {**asdict(self), "structures": list(self.structures)}


def segmentations_by(
    archive: Archive, weights: str, progress: Callable[[int, int], None] = lambda done, total: None
) -> Iterator[MadeSegmentation]:
    """Look through all SEG series of an archive.

    Args:
        archive: see `open_archive`.
        weights: the SHA-256, or its beginning of at least 8 digits.
        progress: called with (series looked at, series).

    Raises:
        InputError: no such digits.
        DeliveryError: the archive does not answer.
    """
    wanted = weights.strip().lower()
    if not re.fullmatch(r"[0-9a-f]{8,64}", wanted):
        raise InputError(f"Weights are named by 8 to 64 hexadecimal digits of their SHA-256, not {weights[:80]!r}.")
    return _look(archive, wanted, progress)


def _look(archive: Archive, wanted: str, progress: Callable[[int, int], None]) -> Iterator[MadeSegmentation]:
    series = sorted(list_segmentation_series(archive), key=lambda key: (key.study_uid, key.series_uid))
    for done, key in enumerate(series):
        progress(done, len(series))
        try:
            headers = read_headers(archive, key)
        except NotThereError:  # removed meanwhile
            continue
        for header in headers:
            made_by = next((sha256 for sha256 in weights_of(header) if sha256.startswith(wanted)), None)
            if made_by:
                yield _told(key, header, made_by)
    progress(len(series), len(series))


def _told(key: SeriesKey, header: Attributes, sha256: str) -> MadeSegmentation:
    segments = header.get("00620002", {}).get("Value") or []  # Segment Sequence
    return MadeSegmentation(
        study_uid=key.study_uid,
        series_uid=key.series_uid,
        sop_uid=text_of(header, "SOPInstanceUID"),
        made=_when(text_of(header, "ContentDate"), text_of(header, "ContentTime")),
        weights_sha256=sha256,
        edited=any(text_of(segment, "SegmentAlgorithmType") == "SEMIAUTOMATIC" for segment in segments),
        structures=labels_of(header),
    )


def _when(date: str, time: str) -> str:
    """DA and TM (PS3.5 6.2) as ISO 8601; what is malformed is left out."""
    if not re.fullmatch(r"\d{8}", date):
        return ""
    day = f"{date[:4]}-{date[4:6]}-{date[6:]}"
    clock = re.match(r"(\d\d)(\d\d)(\d\d)", time)
    return f"{day}T{':'.join(clock.groups())}" if clock else day
