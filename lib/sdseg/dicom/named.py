"""Refusals that say which instances are to blame."""

from typing import Protocol

from sdseg.errors import GeometryError


class Named(Protocol):
    """Something of a series that can be blamed: a slice, a frame or a picture."""

    @property
    def label(self) -> str:
        """How messages call it."""

    @property
    def sop_instance_uid(self) -> str:
        """The instance it is in."""


def refusal_of(sentence: str, *uids: str) -> GeometryError:
    """The error for these SOPInstanceUIDs, each once."""
    return GeometryError(sentence, tuple(dict.fromkeys(uid for uid in uids if uid)))


def blame(sentence: str, *culprits: Named) -> GeometryError:
    """The error for what these slices, frames or pictures are or lack."""
    return refusal_of(sentence, *(culprit.sop_instance_uid for culprit in culprits))
