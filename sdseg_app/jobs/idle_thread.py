"""A thread of the server that works while nobody waits, and ends with Python."""

import atexit
import threading
from abc import ABC, abstractmethod

from sdseg_app.jobs.quiet import Quiet
from sdseg_app.jobs.service import be_nice


class IdleThread(ABC):
    """What it does is `_work`, at a lower priority.

    Args:
        name: of the thread.
        quiet: knows whether anybody waits; its `wait` returns True at the end.
    """

    def __init__(self, name: str, quiet: Quiet) -> None:
        self._quiet = quiet
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Until it has ended by itself, or Python does."""
        atexit.register(self.stop)
        self._thread.start()

    def stop(self) -> None:
        """After the step that runs."""
        self._quiet.end()
        self._thread.join(timeout=10)

    def join(self, seconds: float) -> bool:
        """Wait for the end; whether it came."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        be_nice()  # no nicer: who wants the device waits for a step of this thread
        self._work()

    @abstractmethod
    def _work(self) -> None:
        """Until there is nothing more to do, or the end."""
