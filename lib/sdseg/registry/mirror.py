"""What a second registry, such as MLflow's, is told. The folder stays the truth."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from sdseg.registry.entry import Entry


class Mirror(Protocol):
    """Is told after the fact. A `DeliveryError` of it is logged and noted; it never undoes what was done."""

    def added(self, entry: Entry, folder: Path) -> None:
        """New weights lie in `folder`, with their judgement if they were judged; they may be told a second time."""

    def promoted(self, entry: Entry) -> None:
        """`entry` is served now, by a promotion or a rollback. `entry.is_base`: none of the trained ones is."""

    def withdrawn(self, entry: Entry) -> None:
        """`entry` is not to be served any more."""

    def champion(self) -> str | None:
        """SHA-256 of the weights that the mirror takes for the champion; None where it knows of none."""
