"""Who looks on while a model runs."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol

from sdseg.jobs.job import Stage


class Watch(Protocol):
    """What the steps of an inference report to: a `Job`, or nobody. Each may raise to stop the work."""

    cached: bool

    def enter(self, stage: Stage, total: int = 0) -> None: ...
    def progress(self, done: int, total: int) -> None: ...
    def commit(self) -> None: ...


class Nobody:
    """Looks at nothing and stops nothing."""

    cached = False

    def enter(self, stage: Stage, total: int = 0) -> None:
        pass

    def progress(self, done: int, total: int) -> None:
        pass

    def commit(self) -> None:
        pass


_now: ContextVar[Watch] = ContextVar("watch")


@contextmanager
def watched_by(watch: Watch) -> Iterator[None]:
    """In this thread, for the duration of the block: MONAI Label's frame copies whatever it hands on."""
    token = _now.set(watch)
    try:
        yield
    finally:
        _now.reset(token)


def watching() -> Watch:
    return _now.get()


class SliceCount:
    """Counts slices over all noises of one inference.

    Args:
        watch: is told.
        total: slices times noises.
    """

    def __init__(self, watch: Watch, total: int) -> None:
        self._watch = watch
        self._total = total
        self._before = self._last = 0

    def __call__(self, done: int, of: int) -> None:
        """`done` slices `of` one noise; a count that does not rise is the next noise's."""
        if done <= self._last:
            self._before += of
        self._last = done
        self._watch.progress(self._before + done, self._total)
