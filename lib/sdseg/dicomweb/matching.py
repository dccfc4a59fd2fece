"""Whether a value fits what is searched for (PS3.4 C.2.2.2); of text, small and capital letters are the same."""

from __future__ import annotations

import fnmatch
import re

from sdseg.dicomweb.answer import RequestError

_TIMES = {"DA": r"[0-9]{8}|[0-9]{4}\.[0-9]{2}\.[0-9]{2}", "TM": r"[0-9]{2}:?([0-9]{2}:?([0-9]{2}(\.[0-9]{1,6})?)?)?"}
_EXACT = frozenset({"UI"})
_NUMBERS = frozenset({"IS", "DS", "US", "SS", "UL", "SL", "FL", "FD", "UV", "SV"})
_LONGEST = 1024


def check_value(name: str, vr: str, wanted: str) -> None:
    """Raises RequestError 400 for a value that nothing could match by its form."""
    if len(wanted) > _LONGEST:
        raise RequestError(400, f"The value of {name} is too long; give at most {_LONGEST} characters.")
    if vr in _TIMES and wanted not in ("", "*"):
        low, _, high = wanted.partition("-")
        good = all(re.fullmatch(_TIMES[vr], end) for end in (low, high) if end)
        if not good or (not low and not high):
            example = "20260131 or 20260101-20260131" if vr == "DA" else "0930 or 0900-1200"
            raise RequestError(400, f"{name} cannot be {wanted[:40]!r}; give it like {example}.")


def matches(value: str, wanted: str, vr: str) -> bool:
    """One value against one wanted; an empty wanted value, or "*", fits all."""
    if wanted in ("", "*"):
        return True
    if vr in _EXACT:
        return value == wanted
    if vr in _TIMES:
        return _in_range(_digits(value), wanted)
    if vr in _NUMBERS:
        return _same_number(value, wanted)
    # fnmatch knows brackets besides, and its expressions do not run away.
    return fnmatch.fnmatchcase(value.strip().casefold(), wanted.strip().casefold().replace("[", "[[]"))


def _in_range(value: str, wanted: str) -> bool:
    low, _, high = (_digits(part) for part in wanted.partition("-"))
    if not value:
        return False
    if "-" not in wanted:
        return value.startswith(low)
    # An end that is less precise holds for all of what it names.
    return (not low or value >= low) and (not high or value[: len(high)] <= high)


def _digits(text: str) -> str:
    return re.sub(r"[^0-9]", "", text.partition(".")[0] if ":" in text or len(text) > 10 else text)


def _same_number(value: str, wanted: str) -> bool:
    try:
        return float(value) == float(wanted)
    except ValueError:
        return False
