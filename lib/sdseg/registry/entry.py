"""One weights folder of a registry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from sdseg.judging.judgement import Judgement
from sdseg.model.pointer import NAME_DIGITS as NAME_DIGITS  # of an entry's name

BASE = "base"
"""Name of the weights that the project ships, or that were given to the server: what is served before anything else."""

State = Literal["champion", "challenger", "retired", "withdrawn", "damaged"]


@dataclass(frozen=True)
class Entry:
    """Weights and what became of them.

    Attributes:
        sha256: identity of the weights; of a damaged folder that the history does not know its name alone.
        name: of the folder, the first 16 digits; "base" for the weights under all others.
        state: champion (served), challenger (never served), retired (served before), withdrawn (never again), or
            damaged (the folder is missing, or its content is not what its name says).
        parent: SHA-256 of the weights that it was trained from, where that is known.
        made: when it came here, ISO 8601, UTC.
        promoted: when it was last promoted, or None.
        judgement: the comparison with the champion of that time, or None.
        facts: told by who added it: steps, seconds, number of labels.
        note: why it was withdrawn, or what is wrong with the folder.
    """

    sha256: str
    name: str
    state: State
    parent: str | None = None
    made: str = ""
    promoted: str | None = None
    judgement: Judgement | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    note: str = ""

    @property
    def is_base(self) -> bool:
        return self.name == BASE

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        judgement = self.judgement.to_dict() if self.judgement else None
        return {**self.__dict__, "judgement": judgement, "facts": dict(self.facts)}
