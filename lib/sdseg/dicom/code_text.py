"""A code as people write it, "SCT:12738006:Brain", held against pydicom's dictionary of DICOM's codes (PS3.16)."""

import re
from functools import cache
from typing import Any

from pydicom.sr._concepts_dict import concepts
from pydicom.sr.coding import Code

from sdseg.errors import InputError

LONGEST_VALUE, LONGEST_MEANING = 16, 64  # VR SH and LO, PS3.5 6.2
SNOMED_CT = "SCT"
# Verhoeff's dihedral check, by which SNOMED CT identifiers end (SNOMED CT Release File Specification, 5.5).
_PRODUCT = (
    "0123456789 1234067895 2340178956 3401289567 4012395678 5987604321 6598710432 7659821043 8765932104 9876543210"
)
_PERMUTED = "0123456789 1576283094 5803796142 8916043527 9453126870 4286573901 2793806415 7046913258"


def parse_code(text: object) -> Code:
    """ "SCHEME:VALUE:MEANING" as a code; the meaning may be left out where the dictionary knows the value.

    Schemes are those of the dictionary and private ones, which begin with 99 (PS3.16 8.2). InputError: no such form,
    an unknown scheme, a mistyped SNOMED CT identifier, a meaning that differs from the dictionary's, none at all.
    """
    if not isinstance(text, str) or not re.fullmatch(r"[^:\\]+:[^:\\]+(:[^\\]+)?", text) or not text.isprintable():
        raise InputError(f"{str(text)[:80]!r} is no code: write it as SCT:12738006:Brain")
    scheme, value, meaning = (part.strip() for part in (*text.split(":", 2), "")[:3])
    known = meanings(scheme, value)
    if scheme not in concepts and not re.fullmatch(r"99.{1,14}", scheme):
        raise InputError(f"{scheme[:20]!r} is no coding scheme known here: use SCT, DCM, FMA or a private one, 99...")
    if not value or len(value) > LONGEST_VALUE:
        raise InputError(f"the code {value[:40]!r} must have 1 to {LONGEST_VALUE} characters")
    if scheme == SNOMED_CT and not known and not is_snomed_identifier(value):
        raise InputError(f"{value} is no SNOMED CT identifier, its check digit is wrong: look it up again")
    if known and meaning and meaning not in known:
        raise InputError(f"{scheme}:{value} means {' or '.join(known)}, not {meaning[:80]}: look it up again")
    if not meaning and not known:
        raise InputError(f"{scheme}:{value} is not in the dictionary: add its meaning, {scheme}:{value}:Meaning")
    if len(meaning) > LONGEST_MEANING:
        raise InputError(f"the meaning {meaning[:80]!r} must have at most {LONGEST_MEANING} characters")
    return Code(value, scheme, meaning or known[0])


@cache
def _by_value(scheme: str) -> dict[str, tuple[str, ...]]:
    """Value -> meanings; those that a context group uses come first."""
    found: dict[str, list[tuple[bool, str]]] = {}
    entries: dict[str, Any] = concepts.get(scheme, {})
    for entry in entries.values():
        for value, (meaning, groups) in entry.items():
            found.setdefault(value, []).append((not groups, meaning))
    return {value: tuple(meaning for _, meaning in sorted(all_)) for value, all_ in found.items()}


def meanings(scheme: str, value: str) -> tuple[str, ...]:
    """All meanings that pydicom's dictionary gives a code, the usual ones first; none where it is not in there."""
    return _by_value(scheme).get(value, ())


def is_snomed_identifier(value: str) -> bool:
    """Whether `value` has 6 to 18 digits of which the last is the right check digit."""
    if not re.fullmatch(r"[1-9]\d{5,17}", value):
        return False
    product, permuted, check = _PRODUCT.split(), _PERMUTED.split(), 0
    for place, digit in enumerate(reversed(value)):
        check = int(product[check][int(permuted[place % 8][int(digit)])])
    return check == 0
