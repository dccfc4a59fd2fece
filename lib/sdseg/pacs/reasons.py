"""Failure and warning reasons of a store in words, and whether another try can help.

PS3.18 annex I.2 for STOW-RS, PS3.4 annex B.2.3 and PS3.7 annex C for the statuses behind them.
"""

from __future__ import annotations

_REASONS = {
    0x0110: "processing failure",
    0x0111: "duplicate SOP instance",
    0x0112: "no such object",
    0x0117: "invalid SOP instance",
    0x0118: "no such SOP class",
    0x0119: "class and instance do not go together",
    0x0122: "SOP class not supported",
    0x0124: "not authorised",
    0x0131: "duplicate transaction UID",
    0x0213: "resource limitation",
    0xC122: "transfer syntax not supported",
}
_WARNINGS = {
    0xB000: "it changed data elements",
    0xB006: "it left out data elements",
    0xB007: "data set and SOP class do not match",
}
# Out of resources, a failure of that moment, a permission that can be given: the same object may be taken later.
_PASSING = frozenset({0x0110, 0x0124, 0x0213})


def reason_in_words(code: int | None) -> str:
    """Such as "processing failure, 0110H"."""
    if code is None:
        return "no reason given"
    if code in _REASONS:
        words = _REASONS[code]
    elif 0xA700 <= code <= 0xA7FF:
        words = "out of resources"
    elif 0xA800 <= code <= 0xA8FF:
        words = "SOP class not supported"
    elif 0xA900 <= code <= 0xA9FF:
        words = "data set and SOP class do not match"
    elif 0xC000 <= code <= 0xCFFF:
        words = "it cannot understand the object"
    else:
        words = "unknown reason"
    return f"{words}, {code:04X}H"


def warning_in_words(code: int | None) -> str:
    """One line, "" without a warning."""
    return "" if code is None else f"{_WARNINGS.get(code, 'it has a remark')}, {code:04X}H"


def may_pass(code: int | None) -> bool:
    """Whether the same object may be taken at another time."""
    return code is None or code in _PASSING or 0xA700 <= code <= 0xA7FF
