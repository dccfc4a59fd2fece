"""What every destination of a DICOM object can do: take it, and say for certain that it is there."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol


class Confirmation(StrEnum):
    """How it is known that an object arrived: an answer to the store alone proves nothing."""

    COMMITMENT = "commitment"
    """Storage commitment (PS3.4 annex J): the archive took over the responsibility."""
    QIDO = "qido"
    """The archive lists the object (PS3.18 10.6)."""
    NONE = "none"
    """Not confirmed, because the configuration says so."""


@dataclass(frozen=True)
class Receipt:
    """One object, delivered.

    Attributes:
        sop_instance_uid: of the object.
        confirmed: how its arrival was confirmed.
        already_there: whether the destination held the same object before.
        warning: what the destination remarked, one line; "" if nothing (a warning status is a success).
    """

    sop_instance_uid: str
    confirmed: Confirmation
    already_there: bool = False
    warning: str = ""


class Target(Protocol):
    """A destination. May be called from several threads."""

    @property
    def name(self) -> str:
        """How messages and logs call it: an address without credentials."""
        ...

    def check(self) -> None:
        """Raise DeliveryError unless it answers (C-ECHO, a search, a folder that can be written)."""
        ...

    def deliver(self, path: Path) -> Receipt:
        """Send one DICOM file and return when its arrival is confirmed; sending it again is harmless.

        Raises RefusedError: no retry helps; DeliveryError: try again later; InputError: no DICOM file.
        """
        ...
