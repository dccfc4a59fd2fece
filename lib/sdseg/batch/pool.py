"""Several workers behind one call; those that die are brought to life again while the others go on."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from sdseg.batch.hand import ClosedError, Hand, NoWorkersError, WorkerDiedError
from sdseg.batch.job import Job, Outcome
from sdseg.errors import SdsegError

log = logging.getLogger(__name__)
STARTS = 5
PAUSE_SECONDS = 1.0
DIED = "The worker ended while the series was segmented."


class Pool:
    """A context manager: workers start with the block and end with it.

    Args:
        hands: the workers; not started yet.
        one_first: whether the others wait until the first is there, who measures what all of them then know.
    """

    def __init__(self, hands: Sequence[Hand], one_first: bool = False) -> None:
        if not hands:
            raise ValueError("A pool needs a worker.")
        self._hands = tuple(hands)
        self._idle: list[Hand] = []
        self._waiting = list(hands[1:] if one_first else ())
        self._left = len(hands)
        self._reason = ""
        self._closing = threading.Event()
        self._changed = threading.Condition()

    @property
    def size(self) -> int:
        """How many jobs can be done at a time."""
        return len(self._hands)

    def __enter__(self) -> Self:
        for hand in self._hands[: len(self._hands) - len(self._waiting)]:
            self._start(hand)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def do(self, job: Job) -> Outcome:
        """Have a job done by the next worker that is free; from several threads at a time.

        Raises:
            WorkerDiedError: its worker ended meanwhile.
            NoWorkersError: none is left.
            ClosedError: the pool was closed.
        """
        hand = self._take()
        try:
            outcome = hand.do(job)
        except WorkerDiedError:
            if self._closing.is_set():
                raise ClosedError from None
            log.warning("a worker ended; another is started")
            self._start(hand)
            raise
        self._give(hand)
        return outcome

    def close(self) -> None:
        """End all workers at once, whatever they have in hand. Harmless when called again."""
        self._closing.set()
        with self._changed:
            self._changed.notify_all()
        for hand in self._hands:
            hand.kill()

    def _take(self) -> Hand:
        with self._changed:
            self._changed.wait_for(lambda: self._idle or self._closing.is_set() or not self._left)
            if self._closing.is_set():
                raise ClosedError
            if not self._idle:
                raise NoWorkersError(self._reason)
            return self._idle.pop()

    def _give(self, hand: Hand) -> None:
        with self._changed:
            self._idle.append(hand)
            self._changed.notify()

    def _start(self, hand: Hand) -> None:
        threading.Thread(target=self._bring, args=(hand,), name="worker's start", daemon=True).start()

    def _bring(self, hand: Hand) -> None:
        """One to life, and those that waited for it."""
        self._revive(hand)
        with self._changed:
            waiting, self._waiting = self._waiting, []
        for other in waiting:
            self._start(other)

    def _revive(self, hand: Hand) -> None:
        """To life; after `STARTS` vain attempts, or one that no other can mend, it is given up."""
        reason = ""
        for _ in range(STARTS):
            if self._closing.is_set():
                return
            try:
                hand.start()
            except WorkerDiedError as error:
                reason = f"The workers end as soon as they are started ({error})."
                self._closing.wait(PAUSE_SECONDS)
            except SdsegError as error:
                reason = str(error)
                break
            else:
                if self._closing.is_set():  # it was killed before it was there
                    hand.kill()
                self._give(hand)
                return
        with self._changed:
            self._left, self._reason = self._left - 1, reason
            self._changed.notify_all()
