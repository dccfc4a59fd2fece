"""The node's folder: where everything lies, and that only one node works in it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from sdseg.errors import InputError
from sdseg.lock import held_alone


@dataclass(frozen=True)
class Home:
    """Paths below the node's folder.

    Attributes:
        root: the folder.
    """

    root: Path

    @property
    def ledger(self) -> Path:
        """The SQLite file."""
        return self.root / "ledger.sqlite"

    @property
    def incoming(self) -> Path:
        """What was received: a folder a series, a file an instance."""
        return self.root / "incoming"

    @property
    def results(self) -> Path:
        """SEGs on their way."""
        return self.root / "results"

    @property
    def dead(self) -> Path:
        """Dead letters: a folder a series."""
        return self.root / "dead"

    @property
    def work(self) -> Path:
        """Scratch; emptied at every start."""
        return self.root / "work"

    def create(self) -> None:
        """Make the folders that are missing. Raises InputError."""
        try:
            for folder in (self.incoming, self.results, self.dead, self.work):
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"home {self.root} cannot be used ({error.strerror}): choose another folder.") from None

    def received(self, series_uid: str, sop_uid: str) -> Path:
        """Where an instance is put when it comes."""
        return self.incoming / series_uid / f"{sop_uid}.dcm"

    def locate(self, series_uid: str, sop_uid: str) -> Path | None:
        """Where an instance lies now: received, or in the dead letter of its series; None where it is gone."""
        name = f"{sop_uid}.dcm"
        found = (folder / series_uid / name for folder in (self.incoming, self.dead))
        return next((path for path in found if path.is_file()), None)

    def free_bytes(self) -> int:
        """Free space of the disk. Raises OSError."""
        return shutil.disk_usage(self.root).free

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder for this process alone; the kernel gives it back however the process ends.

        Raises:
            InputError: another node works in it.
        """
        with ExitStack() as held:
            try:
                held.enter_context(held_alone(self.root / "lock"))
            except BlockingIOError:
                raise InputError(f"Another node works in {self.root}: stop it or give this one another home.") from None
            except OSError as error:
                raise InputError(
                    f"home {self.root} cannot be used ({error.strerror}): choose another folder."
                ) from None
            yield
