"""What an error says of a job: a sentence without a patient's name, and whether another attempt may help."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

from sdseg.batch.job import Outcome, State
from sdseg.errors import DeliveryError, EmptySegmentationError, RefusedError, SdsegError

PASSING = (OSError, MemoryError, RuntimeError)
"""May go by: a full disk, memory that others hold (torch tells of it by a RuntimeError)."""
UNFORESEEN = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    BufferError,
    EOFError,
    LookupError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)
"""What readers, decoders and writers raise on an object that nobody foresaw: it is the same every time."""
FAILURES = (SdsegError, *UNFORESEEN, *PASSING)


def outcome_of(error: BaseException) -> Outcome:
    """What one of `FAILURES` makes of an attempt."""
    if isinstance(error, EmptySegmentationError):
        return Outcome(State.EMPTY, str(error))
    if isinstance(error, DeliveryError) and not isinstance(error, RefusedError):
        return Outcome(State.PASSING, str(error))
    if isinstance(error, SdsegError):
        return Outcome(State.REFUSED, str(error), tuple(getattr(error, "instances", ())))
    if isinstance(error, UNFORESEEN):
        return Outcome(State.REFUSED, f"The series cannot be processed ({where(error)}).")
    return Outcome(State.PASSING, told(error))


def told(error: BaseException) -> str:
    """An error of ours in its words; of another only the kind, as its text may quote the object."""
    if isinstance(error, SdsegError):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}."
    return f"{where(error)}."


def where(error: BaseException) -> str:
    """The kind of an exception and the line that raised it, without its text, which may quote the object."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = f" at {Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace else ""
    return f"{type(error).__name__}{place}"
