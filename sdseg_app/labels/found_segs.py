"""SEG series of the archive: which of them a person made, for which image, and when."""

import time
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from pydicom.datadict import tag_for_keyword

from sdseg.pacs.search import Attributes, SeriesKey, items_of, referenced_series, text_of

_TIMES = (
    ("ContentDate", "ContentTime"),
    ("InstanceCreationDate", "InstanceCreationTime"),
    ("SeriesDate", "SeriesTime"),
)
# A viewer's clock may show another time zone, without a word: OHIF writes UTC.
DAY = 26 * 3600.0
_LONGEST_NAME = 64  # VR PN, PS3.5 6.2


@dataclass(frozen=True)
class FoundSeg:
    """A SEG of a person: its series and instance, its image, when it was made (seconds since the epoch, or 0), and by
    whom ("" where nobody knows)."""

    key: SeriesKey
    sop_uid: str
    image: str
    made: float
    creator: str = ""


@dataclass(frozen=True)
class NoLabel:
    """A SEG series that is no label, and why. `waits`: it may become one; `image`: its source, where it names one."""

    why: str
    image: str = ""
    waits: bool = False


def examine(key: SeriesKey, headers: list[Attributes], images: Collection[str], arrived: bool) -> FoundSeg | NoLabel:
    """What a SEG series with these headers is to `images`. `arrived`: somebody stores it at this moment."""
    start = f"The segmentation series {key.series_uid} is no label"
    if len(headers) != 1:
        return NoLabel(f"{start}: it holds {len(headers)} segmentations; save each in a series of its own.")
    (header,) = headers
    if not is_by_a_person(header):
        return NoLabel(f"{start}: a program alone made it (SegmentAlgorithmType AUTOMATIC).")
    referenced = referenced_series(header)
    image = next((uid for uid in referenced if uid in images), None)
    if image is None:
        # Its image may come later, or belong to another model.
        source = next(iter(referenced), "")
        return NoLabel(f"{start}: none of the images here is its source.", source, waits=bool(referenced))
    return FoundSeg(key, text_of(header, "SOPInstanceUID"), image, _made(header, arrived), creator_of(header))


def creator_of(header: Attributes) -> str:
    """ContentCreatorName (0070,0084), "" where it names the program: so our own SEGs do that nobody signed."""
    values = header.get(f"{tag_for_keyword('ContentCreatorName'):08X}", {}).get("Value") or [""]
    first = values[0].get("Alphabetic", "") if isinstance(values[0], dict) else values[0]
    name = " ".join(str(first).split()).rstrip("^ ")[:_LONGEST_NAME]
    return "" if name == text_of(header, "ManufacturerModelName").strip() else name


def is_by_a_person(header: Attributes) -> bool:
    """Whether a person drew or edited any of its segments (PS3.3 C.8.20.2).

    OHIF exports whatever its user saves as MANUAL, a model's untouched overlay too: he looked at it and saved it.
    """
    kinds = {text_of(item, "SegmentAlgorithmType").strip().upper() for item in items_of(header, "SegmentSequence")}
    return bool(kinds & {"MANUAL", "SEMIAUTOMATIC"})


def _made(header: Attributes, arrived: bool) -> float:
    """What arrives was made now, unless its date is another day's: then somebody moves old objects."""
    told, now = _told(header), time.time()
    return now if arrived and (told == 0 or abs(now - told) < DAY) else told


def _told(header: Attributes) -> float:
    for date, hour in _TIMES:
        text = text_of(header, date) + (text_of(header, hour) or "0").partition(".")[0].ljust(6, "0")
        try:
            return datetime.strptime(text, "%Y%m%d%H%M%S").timestamp()
        except (ValueError, OverflowError, OSError):
            continue
    return 0.0
