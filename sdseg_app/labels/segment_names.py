"""What the segments of somebody else's SEG are to the model: by their label, else by their codes, else nothing.

Viewers write generic codes (OHIF: Tissue) and a free label. MONAI Label's stock writer codes every segment as
spleen. So the label goes first, and a code is believed only where nothing contradicts it: a structure is never
guessed.
"""

import re
from collections.abc import Collection

from pydicom import Dataset
from pydicom.sr.coding import Code

from sdseg.dicom.codes import Structure, plain, structure
from sdseg.dicom.header import integer, text
from sdseg.dicom.seg_frames import items_of
from sdseg.dicom.seg_reader import segment_labels
from sdseg.errors import LabelError

_GENERIC = re.compile(r"(segment|label|region|structure|roi|object)? ?\d*")
_SPLEEN = Code("78961009", "SCT", "Spleen")


def model_names(seg: Dataset, labels: Collection[str]) -> dict[str, str]:
    """SegmentLabel -> the name among the model's `labels` that it means; segments that mean none are left out."""
    items = {integer(item, "SegmentNumber"): item for item in items_of(seg, "SegmentSequence")}
    segments = {label: items[number] for label, number in segment_labels(seg).items()}
    by_name = {plain(name): name for name in labels}
    found = {label: by_name[plain(label)] for label in segments if plain(label) in by_name}
    synonyms = {label: _named(label, labels) for label in segments if label not in found}
    found |= {label: name for label, name in synonyms.items() if name}
    coded = {label: _coded(item, label, labels) for label, item in segments.items() if label not in found}
    names = [*found.values(), *coded.values()]
    return found | {label: name for label, name in coded.items() if name and names.count(name) == 1}


def _named(label: str, labels: Collection[str]) -> str:
    """The one label of the model that is another word for the same structure, "" for none."""
    meant = _structure(label)
    return _only([name for name in labels if meant is not None and _structure(name) == meant])


def _coded(item: Dataset, label: str, labels: Collection[str]) -> str:
    """The one label of the model whose codes the segment has, "" for none or where its own label says otherwise."""
    kind = _code(item, "SegmentedPropertyTypeCodeSequence")
    generic = _GENERIC.fullmatch(plain(label)) is not None
    if kind is None or _structure(label) is not None or (kind == _SPLEEN and not generic):
        return ""
    types = items_of(item, "SegmentedPropertyTypeCodeSequence")
    modifier = _code(types[0], "SegmentedPropertyTypeModifierCodeSequence")
    return _only([name for name in labels if _has_codes(_structure(name), kind, modifier)])


def _has_codes(known: Structure | None, kind: Code, modifier: Code | None) -> bool:
    """A structure with a note has codes that are true of others too."""
    return (
        known is not None and not known.note and _codes(known.property_type, known.modifier) == _codes(kind, modifier)
    )


def _structure(name: str) -> Structure | None:
    try:
        return structure(name)
    except LabelError:
        return None


def _code(item: Dataset, keyword: str) -> Code | None:
    codes = items_of(item, keyword)
    if not codes or not text(codes[0], "CodeValue"):
        return None
    parts = (text(codes[0], part) for part in ("CodeValue", "CodingSchemeDesignator", "CodeMeaning"))
    return Code(*parts)


def _codes(*codes: Code | None) -> list[Code]:
    """pydicom's Code, which knows SRT's codes in SCT, is not to be compared with None."""
    return [code for code in codes if code is not None]


def _only(names: list[str]) -> str:
    return names[0] if len(names) == 1 else ""
