"""From what was found to results: planned, segmented, kept, delivered, each noted before the next."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from sdseg.batch.failures import told
from sdseg.batch.found import Found
from sdseg.batch.hand import NoWorkersError, WorkerDiedError
from sdseg.batch.home import Home
from sdseg.batch.job import Job, Outcome, State
from sdseg.batch.journal import Entry, Journal
from sdseg.batch.order import Order
from sdseg.batch.pool import DIED, Pool
from sdseg.batch.record import Fate, Record
from sdseg.delivery.retry import Retries, deliver
from sdseg.delivery.target import Target
from sdseg.errors import DeliveryError, InputError, RefusedError
from sdseg.pacs.outgoing import Outgoing

Tell = Callable[[int, int], None]
_FATES = {State.MADE: Fate.DONE, State.EMPTY: Fate.EMPTY}


@dataclass
class Run:
    """One start; a run that was killed is continued by the next one in the same folder.

    Attributes:
        home, journal: where results and notes go.
        order: what is wanted.
        target: where results are delivered besides; None for nowhere.
        retries: of a delivery.
        attempts: how often a series is tried whose worker ends, or whose archive is away.
        mark: see `Job.shared_mark`.
    """

    home: Home
    journal: Journal
    order: Order
    target: Target | None = None
    retries: Retries = field(default_factory=Retries)
    attempts: int = 5
    mark: str = ""
    _stopping: threading.Event = field(default_factory=threading.Event, init=False, repr=False)
    _patience: Retries | None = field(default=None, init=False, repr=False)

    def plan(self, found: Sequence[Found]) -> list[Record]:
        """What there is to do, and what is done, skipped or refused already. Raises OSError."""
        records = [self._judge(item) for item in found]
        waiting = [record for record in records if record.fate is Fate.WAITING]
        new = [record for record in waiting if self.journal.last(record.key, "planned") is None]
        at = datetime.now().isoformat(timespec="seconds")
        if new:
            self.journal.add_all([Entry(record.key, "planned", at) for record in new])
        return records

    def unfinished(self, records: Sequence[Record]) -> list[Record]:
        """Those that are still to be segmented or delivered."""
        return [record for record in records if record.fate is Fate.WAITING or self._is_due(record)]

    def carry_out(self, records: Sequence[Record], pool: Pool, tell: Tell = lambda done, total: None) -> None:
        """Do what is unfinished; twice as many at a time as there are workers, so that none waits for a delivery."""
        todo = deque(self.unfinished(records))
        total, lock, done = len(todo), threading.Lock(), 0

        def work() -> None:
            nonlocal done
            while not self._stopping.is_set():
                try:
                    record = todo.popleft()
                except IndexError:
                    return
                self._finish(record, pool)
                with lock:
                    done += 1
                    tell(done, total)

        tell(0, total)
        with ThreadPoolExecutor(2 * pool.size) as threads:
            finished = False
            try:
                for each in [threads.submit(work) for _ in range(2 * pool.size)]:
                    each.result()
                finished = True
            finally:
                if not finished:  # interrupted, or a bug
                    self._stopping.set()
                    pool.close()

    def path_of(self, record: Record) -> Path:
        """Where its SEG lies, or would."""
        return self.home.result(record.found.study_uid, record.found.series_uid, record.key)

    def _judge(self, found: Found) -> Record:
        record = Record(found)
        why = self.order.unsuitable(found)
        if why and (found.modality or not found.trouble):
            record.end(Fate.SKIPPED, why)
        elif found.trouble:
            record.end(Fate.FAILED, found.trouble)
        else:
            record.key = self.order.key(found)
            self._look_back(record)
        return record

    def _look_back(self, record: Record) -> None:
        """The file itself says that there is a result: it appears whole or not at all."""
        if _is_whole(self.path_of(record)):
            record.end(Fate.BEFORE)
            if made := self.journal.last(record.key, "made"):
                record.seconds, record.slices = made.seconds, made.slices
            record.delivered = self.target is not None and self._was_delivered(record, self.target)
        elif empty := self.journal.last(record.key, "empty"):
            record.end(Fate.EMPTY, empty.sentence)

    def _was_delivered(self, record: Record, target: Target) -> bool:
        return self.journal.last(record.key, "delivered", target.name) is not None

    def _is_due(self, record: Record) -> bool:
        return self.target is not None and record.has_seg and not record.delivered

    def _finish(self, record: Record, pool: Pool) -> None:
        try:
            if record.fate is Fate.WAITING:
                self._make(record, pool)
            if self.target is not None and self._is_due(record):
                self._deliver(record, self.target)
        except OSError as error:
            record.end(Fate.FAILED, f"The result cannot be kept: {told(error)}")

    def _make(self, record: Record, pool: Pool) -> None:
        planned = self.journal.last(record.key, "planned")
        assert planned is not None, "every record is planned before it is made"
        job = self._job(record, datetime.fromisoformat(planned.at))
        outcome = Outcome(State.PASSING, DIED)
        while record.attempts < self.attempts and outcome.state is State.PASSING:
            if record.attempts and outcome.sentence != DIED:
                self._stopping.wait(self.retries.pause(record.attempts))
            record.attempts += 1
            job = replace(job, output=str(self.home.scratch(record.key)))
            outcome = _attempt(job, pool)
        if outcome.state is State.MADE:
            self.home.keep(Path(job.output), outcome.content, self.path_of(record))
        fate = _FATES.get(outcome.state, Fate.FAILED)
        given_up = f"Given up after {record.attempts} attempts: " if outcome.state is State.PASSING else ""
        record.seconds, record.slices = outcome.seconds, outcome.slices
        record.end(fate, given_up + outcome.sentence)
        self._note(record, "made" if fate is Fate.DONE else fate.value)

    def _job(self, record: Record, created: datetime) -> Job:
        found, order = record.found, self.order
        return Job(
            study_uid=found.study_uid,
            series_uid=found.series_uid,
            weights=str(order.weights),
            output="",
            created=created,
            files=found.files,
            archive=found.archive,
            weights_sha256=order.weights_sha256,
            shared_mark=self.mark,
            seed=order.seed,
            batch_size=order.batch_size,
        )

    def _deliver(self, record: Record, target: Target) -> None:
        """Once a target did not come back within the retries, each of the others is tried once until one arrives."""
        patience = self.retries
        try:
            deliver(target, self.path_of(record), self._patience or patience)
        except (DeliveryError, InputError) as error:
            if not isinstance(error, InputError | RefusedError):
                self._patience = replace(patience, times=0)
            record.end(Fate.FAILED, f"Segmented, but not delivered: {error}")
        else:
            self._patience = None
            record.delivered = True
            self._note(record, "delivered", target.name)

    def _note(self, record: Record, event: str, target: str = "") -> None:
        at = datetime.now().isoformat(timespec="seconds")
        seconds, slices = (record.seconds, record.slices) if event == "made" else ({}, 0)
        self.journal.add(Entry(record.key, event, at, record.sentence, seconds, slices, target))


def _attempt(job: Job, pool: Pool) -> Outcome:
    try:
        return pool.do(job)
    except WorkerDiedError:
        return Outcome(State.PASSING, DIED)
    except NoWorkersError as error:
        return Outcome(State.REFUSED, str(error))


def _is_whole(path: Path) -> bool:
    if not path.is_file():
        return False
    try:
        Outgoing.read(path)
    except InputError:
        return False
    return True
