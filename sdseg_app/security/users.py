"""A user and what he may do."""

from dataclasses import dataclass
from enum import IntEnum


class Role(IntEnum):
    """Each may do what those before may."""

    READER = 1
    ANNOTATOR = 2
    ADMIN = 3


@dataclass(frozen=True)
class User:
    """Who asks. `name` appears in labels and in the audit log."""

    name: str
    role: Role


LOCAL = User("local", Role.ADMIN)
"""Whoever asks a server without authentication, which answers its own machine only."""
