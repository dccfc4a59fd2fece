"""A user and what he may do."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum


class Role(IntEnum):
    """Each may do what those before may."""

    READER = 1
    ANNOTATOR = 2
    ADMIN = 3

    @property
    def word(self) -> str:
        """As it is written in files and claims."""
        return self.name.lower()


@dataclass(frozen=True)
class User:
    """Who asks. `name` appears in labels and in the audit log."""

    name: str
    role: Role


LOCAL = User("local", Role.ADMIN)
"""Whoever asks a server without authentication, which answers its own machine only."""

_WORDS = {role.word: role for role in Role}
# The roles of MONAI Label's own login; its reviewer judges labels, and may not replace models here.
_STOCK = {
    "monailabel-user": Role.READER,
    "monailabel-annotator": Role.ANNOTATOR,
    "monailabel-reviewer": Role.ANNOTATOR,
    "monailabel-admin": Role.ADMIN,
}


def highest_role(words: Iterable[str]) -> Role | None:
    """The highest role among `words`, ours or MONAI Label's; None where there is none."""
    known = {**_WORDS, **_STOCK}
    return max((known[word] for word in words if word in known), default=None)
