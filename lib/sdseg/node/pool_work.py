"""The worker that hands out what is to be segmented to a pool of processes or of a cluster's actors."""

from __future__ import annotations

import shutil
import threading
import uuid
from pathlib import Path

from sdseg.batch.hand import ClosedError, NoWorkersError, WorkerDiedError
from sdseg.batch.job import Job, Outcome, State
from sdseg.batch.pool import Pool
from sdseg.durable import replacing
from sdseg.node.config import NodeConfig
from sdseg.node.home import Home
from sdseg.node.ledger import Ledger
from sdseg.node.metrics import Counters
from sdseg.node.schema import SeriesRow
from sdseg.node.work import CRASHED, Worker, created


class PoolWorker(Worker):
    """A `Worker` whose steps several threads may take; the death of a process counts as that of the node does.

    Args:
        config, home, ledger, counters, stopping: see `Worker`.
        pool: what segments.
    """

    def __init__(
        self,
        config: NodeConfig,
        home: Home,
        ledger: Ledger,
        counters: Counters,
        stopping: threading.Event,
        pool: Pool,
    ) -> None:
        super().__init__(config, home, ledger, counters, stopping)
        self._pool = pool
        self._claiming = threading.Lock()
        self._mark = home.work / f"mark-{uuid.uuid4().hex}"  # what proves to a worker that it sees this folder
        self._mark.touch()

    def step(self) -> bool:
        """Have the next series segmented that no other thread has in hand; whether there was one."""
        with self._claiming:
            row = self._next()
            if row is None:
                return False
            self._in_hand.add(row.uid)
        try:
            self._take_on(row)
        finally:
            with self._claiming:
                self._in_hand.discard(row.uid)
        return True

    def _segment(self, row: SeriesRow) -> None:
        folder = self._gather(row)
        if folder is None:
            return
        self._begin(row)
        try:
            with self._counters.inference.time():
                outcome = self._pool.do(self._job(row, folder))
        except ClosedError:
            self._give_back(row)
        except WorkerDiedError:
            self._postpone(row, CRASHED)
        except NoWorkersError as error:
            self._postpone(row, str(error))
        else:
            self._settle(row, outcome)
        shutil.rmtree(folder, ignore_errors=True)

    def _job(self, row: SeriesRow, folder: Path) -> Job:
        return Job(
            study_uid=row.study_uid,
            series_uid=row.uid,
            weights=row.weights,
            output=str(self._output(row)),
            created=created(row),
            files=tuple((str(path), path.stem) for path in sorted(folder.iterdir())),
            shared_mark=str(self._mark),
            seed=row.seed,
            batch_size=row.batch_size,
        )

    def _settle(self, row: SeriesRow, outcome: Outcome) -> None:
        if outcome.state is State.MADE:
            output = self._output(row)
            if outcome.content is not None:
                with replacing(output) as stream:
                    stream.write(outcome.content)
            self._finish(row, outcome.seg_uid, output)
        elif outcome.state is State.PASSING:
            self._postpone(row, outcome.sentence)
        else:
            self._die(row, outcome.sentence, outcome.blamed)
