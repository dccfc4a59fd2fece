"""The folder of a run: results by study, and what it takes to continue after a kill."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from sdseg.durable import replacing, sync
from sdseg.errors import InputError
from sdseg.lock import held_alone


@dataclass(frozen=True)
class Home:
    """Paths below the folder.

    Attributes:
        root: the folder.
    """

    root: Path

    @property
    def hidden(self) -> Path:
        """What is not for readers of the results."""
        return self.root / ".sdseg-batch"

    @property
    def journal(self) -> Path:
        return self.hidden / "journal.jsonl"

    @property
    def work(self) -> Path:
        """SEGs on their way from the workers; emptied at every start."""
        return self.hidden / "work"

    def result(self, study_uid: str, series_uid: str, key: str) -> Path:
        """The SEG of a series, under a name that changes with the weights, the options and the images."""
        return self.root / study_uid / f"{series_uid}.{key[:12]}.dcm"

    def scratch(self, key: str) -> Path:
        """A file of its own for one attempt: a worker that was given up may still be writing to another."""
        return self.work / f"{key[:12]}.{uuid.uuid4().hex[:12]}.dcm"

    def keep(self, made: Path, content: bytes | None, result: Path) -> None:
        """Put a SEG in its place, whole and for good. Raises OSError."""
        result.parent.mkdir(exist_ok=True)
        if content is not None:
            with replacing(result) as stream:
                stream.write(content)
        else:
            os.replace(made, result)
        sync(result.parent)
        sync(self.root)

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Make it and hold it for this process alone; the kernel gives it back however the process ends.

        Raises:
            InputError: it cannot be written, or another run works in it.
        """
        with ExitStack() as held:
            try:
                self.hidden.mkdir(parents=True, exist_ok=True)
                held.enter_context(held_alone(self.hidden / "lock"))
            except BlockingIOError:
                raise InputError(
                    f"Another run works in {self.root}: wait for its end, or choose another folder."
                ) from None
            except OSError as error:
                raise InputError(f"{self.root} cannot be used ({error.strerror}): choose another folder.") from None
            shutil.rmtree(self.work, ignore_errors=True)
            self.work.mkdir(exist_ok=True)
            yield

    def mark(self) -> Path:
        """A new file by which a worker knows that it sees this very folder. Raises OSError."""
        path = self.work / f"mark-{uuid.uuid4().hex}"
        path.touch()
        return path
