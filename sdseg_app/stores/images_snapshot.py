"""The images of the store as they were a moment ago: who asks does not wait for a slow archive."""

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

from sdseg.errors import DeliveryError

logger = logging.getLogger(__name__)

T = TypeVar("T")
FRESH = 1.0
"""Seconds for which one look at the archive answers everybody."""
PATIENCE = 0.05
"""Seconds to wait for a look before the last one answers: a quick archive is always told as it is."""


class ImagesSnapshot(Generic[T]):
    """What `look` found last. It is called off the request path, one call at a time."""

    def __init__(self, look: Callable[[], T]) -> None:
        self._look = look
        self._lock = threading.Lock()
        self._thread = ThreadPoolExecutor(1, "images")
        self._looking: Future[tuple[int, T]] | None = None
        self._found: tuple[int, T] | None = None
        self._looked = 0.0
        self._changes = 1  # a look that began before the last change does not count

    def changed(self) -> None:
        """Images came or went through this server: the next answer knows of it."""
        with self._lock:
            self._changes += 1

    def get(self) -> T:
        """Raises DeliveryError where the archive does not answer and there is nothing true to tell."""
        while True:
            looking, found, must = self._ask()
            if looking is not None:
                error = _wait(looking, None if must else PATIENCE)
                if must and error is not None:
                    raise error
                with self._lock:
                    found = self._found
            if found is not None and (not must or found[0] >= self._changes):
                return found[1]

    def _ask(self) -> tuple[Future[tuple[int, T]] | None, tuple[int, T] | None, bool]:
        """The look that is under way or was begun now, what is known, and whether that does not count."""
        with self._lock:
            must = self._found is None or self._found[0] < self._changes
            if self._looking is None and (must or time.monotonic() - self._looked > FRESH):
                self._looking = self._thread.submit(self._take, self._changes)
            return self._looking, self._found, must

    def _take(self, changes: int) -> tuple[int, T]:
        try:
            found = changes, self._look()
            with self._lock:
                self._found = found
        finally:
            with self._lock:
                self._looking, self._looked = None, time.monotonic()
        return found


def _wait(looking: Future[tuple[int, T]], seconds: float | None) -> DeliveryError | None:
    try:
        looking.result(seconds)
    except TimeoutError:
        return None
    except DeliveryError as error:
        logger.warning("%s", error)
        return error
    return None
