"""The one worker that segments: attempts are counted before the work, results kept before the ledger moves on."""

from __future__ import annotations

import logging
import shutil
import threading
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.orm import Session

from sdseg.batch.failures import PASSING, UNFORESEEN, told, where
from sdseg.errors import SdsegError
from sdseg.node import progress
from sdseg.node.backoff import pause_before
from sdseg.node.clock import now
from sdseg.node.config import NodeConfig
from sdseg.node.files import link_or_copy
from sdseg.node.home import Home
from sdseg.node.ledger import Ledger
from sdseg.node.metrics import Counters
from sdseg.node.schema import Kept, SeriesRow, State

if TYPE_CHECKING:
    from sdseg.inference.segmenter import Segmenter

log = logging.getLogger(__name__)

CRASHED = "The process ended while the series was segmented."


class StoppedError(Exception):
    """The node is stopping; the series is segmented after the next start."""


class Worker:
    """Segments one series a step.

    Args:
        config: of the node.
        home: where files are.
        ledger: what there is to do.
        counters: of the metrics.
        stopping: ends a segmentation between two batches.
    """

    def __init__(
        self, config: NodeConfig, home: Home, ledger: Ledger, counters: Counters, stopping: threading.Event
    ) -> None:
        self._config, self._home, self._ledger, self._counters = config, home, ledger, counters
        self._stopping = stopping
        self._segmenters: dict[str, Segmenter] = {}
        self._in_hand: set[str] = set()  # series that another thread segments
        self._cold = list(dict.fromkeys(str(rule.weights) for rule in config.rules))

    def step(self) -> bool:
        """Segment the next series, or, while there is none, make a model ready; whether there was one to do."""
        row = self._next()
        if row is None:
            return self._warm_up()
        self._take_on(row)
        return True

    def _take_on(self, row: SeriesRow) -> None:
        """One attempt, or the end of them."""
        if row.attempts >= self._config.segmentation_attempts:
            self._die(row, f"Given up after {row.attempts} attempts: {row.reason}")
        else:
            self._segment(row)

    def _segment(self, row: SeriesRow) -> None:
        try:
            segmenter = self._segmenter(row.weights)
        except (SdsegError, OSError) as error:
            self._begin(row)
            self._postpone(row, told(error))
            return
        folder = self._gather(row)
        if folder is not None:
            self._attempt(row, segmenter, folder)
            shutil.rmtree(folder, ignore_errors=True)

    def _next(self) -> SeriesRow | None:
        """The oldest of those tried least, so that one which ends the process does not keep the others waiting."""
        ready = (SeriesRow.state == State.COMPLETE) & (SeriesRow.next_at <= now())
        ready &= SeriesRow.uid.not_in(self._in_hand)
        order = (SeriesRow.attempts, SeriesRow.changed_at)
        with self._ledger.reading() as session:
            return session.scalars(select(SeriesRow).where(ready).order_by(*order).limit(1)).first()

    def _segmenter(self, weights: str) -> Segmenter:
        from sdseg.inference.segmenter import Segmenter

        if weights not in self._segmenters:
            self._segmenters[weights] = Segmenter.load(Path(weights), self._config.device, self._config.speed)
        return self._segmenters[weights]

    def _warm_up(self) -> bool:
        """While nothing is to be done: load one of the models that will be asked for, and run it once."""
        from sdseg.model.warm_up import warm_up

        if not self._cold:
            return False
        weights = self._cold.pop(0)
        try:
            warm_up(self._segmenter(weights).pipeline)
        except (SdsegError, *PASSING) as error:  # the first series that needs it is told
            log.warning("the model is not made ready", extra={"weights": weights, "why": told(error)})
        else:
            log.info("the model is ready", extra={"weights": weights})
        return True

    def _gather(self, row: SeriesRow) -> Path | None:
        """A folder with links to the files of this generation: what comes later is not among them."""
        folder = self._home.work / row.uid
        shutil.rmtree(folder, ignore_errors=True)
        with self._ledger.writing() as session:
            now_there = self._unchanged(session, row)
            if now_there is None:
                return None
            files, gone = progress.files_of(session, self._home, row.uid)
            for instance in gone:
                instance.kept = Kept.REMOVED  # so that it is taken when it is sent again
            if gone:
                count = f"{len(gone)} of its {len(files) + len(gone)} instances are no longer here"
                progress.die(session, now_there, f"{count}; send the whole series again.")
                return None
        folder.mkdir()
        for path in files:
            link_or_copy(path, folder / path.name)
        return folder

    def _attempt(self, row: SeriesRow, segmenter: Segmenter, folder: Path) -> None:
        from sdseg.inference import to_seg

        self._begin(row)
        output = self._output(row)
        try:
            with self._counters.inference.time():
                seg_uid, _ = to_seg.segment_to_seg(
                    segmenter,
                    folder,
                    output,
                    seed=row.seed,
                    batch_size=row.batch_size,
                    progress=self._go_on,
                    series_instance_uid=row.uid,
                    created=created(row),
                )
        except StoppedError:
            self._give_back(row)
        except SdsegError as error:
            self._die(row, str(error), getattr(error, "instances", ()))
        except UNFORESEEN as error:
            self._die(row, f"The series cannot be processed ({where(error)}).")
        except PASSING as error:
            self._postpone(row, told(error))
        else:
            self._finish(row, seg_uid, output)

    def _output(self, row: SeriesRow) -> Path:
        return self._home.results / f"{row.uid}.{row.generation}.dcm"

    def _go_on(self, _done: int, _total: int) -> None:
        if self._stopping.is_set():
            raise StoppedError

    def _unchanged(self, session: Session, seen: SeriesRow) -> SeriesRow | None:
        """The series, unless it was taken up again since it was seen."""
        row = session.get_one(SeriesRow, seen.uid)
        return row if (row.state, row.generation) == (State.COMPLETE, seen.generation) else None

    def _begin(self, seen: SeriesRow) -> None:
        with self._ledger.writing() as session:
            if row := self._unchanged(session, seen):
                row.attempts, row.reason = row.attempts + 1, CRASHED

    def _give_back(self, seen: SeriesRow) -> None:
        with self._ledger.writing() as session:
            if row := self._unchanged(session, seen):
                row.attempts, row.reason = row.attempts - 1, ""

    def _postpone(self, seen: SeriesRow, reason: str) -> None:
        with self._ledger.writing() as session:
            if row := self._unchanged(session, seen):
                row.reason, row.next_at = reason, now() + pause_before(row.attempts, self._config.retry)
        log.warning("segmentation postponed", extra={"series": seen.uid, "why": reason})

    def _die(self, seen: SeriesRow, reason: str, blamed: Sequence[str] = ()) -> None:
        with self._ledger.writing() as session:
            if row := self._unchanged(session, seen):
                progress.die(session, row, reason, blamed)

    def _finish(self, seen: SeriesRow, seg_uid: str, output: Path) -> None:
        with self._ledger.writing() as session:
            row = self._unchanged(session, seen)
            if row:
                progress.segmented(session, row, seg_uid, output.name)
        if row is None:
            output.unlink(missing_ok=True)


def created(row: SeriesRow) -> datetime:
    """What its SEG tells: the time of its completion, the same in every attempt."""
    return datetime.fromtimestamp(row.changed_at)
