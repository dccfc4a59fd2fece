"""What a peer's status code means for a delivery: done, done with a remark, try again, or refused."""

from enum import Enum

from pynetdicom.status import GENERAL_STATUS, STORAGE_SERVICE_CLASS_STATUS


class Verdict(Enum):
    SUCCESS = "success"
    WARNING = "success, with a remark"
    DUPLICATE = "success: it was there before"
    TRY_AGAIN = "no success now"
    REFUSED = "no success ever"


SUCCESS = 0x0000
DUPLICATE = 0x0111
SOP_CLASS_NOT_SUPPORTED = 0x0122
# Failures of the general table (PS3.7 annex C) that may pass: processing failure, duplicate invocation (of a
# message ID), resource limitation, and what its keeper can mend: not authorised. All others say that the request
# itself is at fault.
_PASSING = frozenset({0x0110, 0x0124, 0x0210, 0x0213})
_OUT_OF_RESOURCES = range(0xA700, 0xA800)
# Of FailureReason (0008,1197) in storage commitment (PS3.3 C.14): processing failure, no such object instance
# (it is sent again), resource limitation, duplicate transaction UID (the next one is new).
_COMMITMENT_PASSING = frozenset({0x0110, 0x0112, 0x0213, 0x0131})
_COMMITMENT_REASONS = {
    0x0110: "processing failure",
    0x0112: "it does not hold the object",
    0x0213: "resource limitation",
    0x0122: "it does not support the SOP class",
    0x0119: "it holds the object under another SOP class",
    0x0131: "duplicate transaction UID",
}


def storage_verdict(status: int) -> Verdict:
    """Of the status of a C-STORE (PS3.4 B.2.3, PS3.7 annex C)."""
    if status == SUCCESS:
        return Verdict.SUCCESS
    if status == DUPLICATE:
        return Verdict.DUPLICATE
    if _is_warning(status):
        return Verdict.WARNING
    # A status that no table knows says nothing about the object: it is tried again.
    known = status in STORAGE_SERVICE_CLASS_STATUS
    passing = status in _PASSING or status in _OUT_OF_RESOURCES or not known
    return Verdict.TRY_AGAIN if passing else Verdict.REFUSED


def action_verdict(status: int) -> Verdict:
    """Of the status of the N-ACTION that asks for storage commitment (PS3.4 J.3.2, PS3.7 10.1.4)."""
    if status == SUCCESS:
        return Verdict.SUCCESS
    if _is_warning(status):
        return Verdict.WARNING
    return Verdict.REFUSED if status in GENERAL_STATUS and status not in _PASSING else Verdict.TRY_AGAIN


def _is_warning(status: int) -> bool:
    """PS3.7 annex C.4."""
    return 0xB000 <= status <= 0xBFFF or status in (0x0001, 0x0107, 0x0116)


def in_words(status: int) -> str:
    """`0xA700 (Refused: Out of Resources)`."""
    words = STORAGE_SERVICE_CLASS_STATUS.get(status, ("", ""))[1]
    return f"0x{status:04X}" + (f" ({words})" if words else "")


def commitment_reason(reason: int) -> str:
    """A FailureReason of storage commitment in words."""
    return _COMMITMENT_REASONS.get(reason, f"failure reason 0x{reason:04X}")


def commitment_may_pass(reason: int) -> bool:
    """Whether sending again may mend a FailureReason of storage commitment; of an unknown one it is assumed."""
    return reason in _COMMITMENT_PASSING or reason not in _COMMITMENT_REASONS
