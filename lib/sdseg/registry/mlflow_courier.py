"""A thread that does some work again and again, and says in one line when it fails and when it works again."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from sdseg.errors import SdsegError

_EVERY = 10.0  # seconds: trainings and commands are other processes, and wake nobody
_LONGEST = 300.0

logger = logging.getLogger(__name__)


class Courier:
    """`work` may raise SdsegError and OSError. Nothing happens before `start`."""

    def __init__(self, work: Callable[[], None], every: float = _EVERY) -> None:
        self._work = work
        self._every = every
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._trouble = ""

    def start(self) -> None:
        """Begin; the thread ends with the process, whatever it is doing."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="mlflow", daemon=True)
            self._thread.start()

    def wake(self) -> None:
        """Do it now instead of in a while; returns at once."""
        self._wake.set()

    def _run(self) -> None:
        pause = self._every
        while True:
            pause = self._every if self._once() else min(2 * pause, _LONGEST)
            self._wake.wait(pause)
            self._wake.clear()

    def _once(self) -> bool:
        try:
            self._work()
        except (SdsegError, OSError) as error:
            trouble = (
                str(error) if isinstance(error, SdsegError) else f"MLflow could not be told: {error.strerror or error}."
            )
            if trouble != self._trouble:
                logger.warning("%s It is tried again; models are served from the folder meanwhile.", trouble)
            self._trouble = trouble
            return False
        if self._trouble:
            logger.info("MLflow knows all models again.")
        self._trouble = ""
        return True
