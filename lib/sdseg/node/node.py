"""The node: its parts put together, started, stopped."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from sdseg.batch.crew import LOCAL, RAY, Crew
from sdseg.batch.pool import Pool
from sdseg.dimse.commitment import Commitments
from sdseg.node.associations import Associations
from sdseg.node.check import require_weights
from sdseg.node.completion import Completion
from sdseg.node.config import NodeConfig
from sdseg.node.dead_letters import DeadLetters
from sdseg.node.deliveries import Courier, give_up_unknown_targets
from sdseg.node.home import Home
from sdseg.node.intake import Intake
from sdseg.node.ledger import Ledger
from sdseg.node.listener import Listener
from sdseg.node.loops import Loop, LoopThread
from sdseg.node.metrics import Counters, serve
from sdseg.node.pool_work import PoolWorker
from sdseg.node.recovery import recover
from sdseg.node.retention import Retention
from sdseg.node.status import take_status
from sdseg.node.targets import open_targets
from sdseg.node.work import Worker

log = logging.getLogger(__name__)
MEGABYTE = 1_000_000
LOOK_SECONDS = 0.25
HOUSEKEEPING_SECONDS = 1.0
RETENTION_SECONDS = 60.0
# How long a delivery under way may take when the node stops; it is harmless to make it again.
PATIENCE_SECONDS = 10.0
ACCEPTING = "(serve_forever)"  # how Python calls the thread that accepts connections


class Node:
    """A node that runs from `run` until `stop`.

    Args:
        config: what it is told.
    """

    def __init__(self, config: NodeConfig) -> None:
        self._config = config
        self._stopping = threading.Event()
        self._failed = False
        self.ready = threading.Event()

    def stop(self) -> None:
        """Ask for the end; `run` returns soon after. May be called from a signal handler."""
        self._stopping.set()

    def run(self) -> bool:
        """Receive, segment and deliver until `stop`; False where a bug ended it.

        Raises:
            InputError: another node works in `home`, a port is taken, or something configured cannot be used.
        """
        require_weights(self._config)
        home = Home(self._config.home)
        home.create()
        with ExitStack() as stack:
            stack.enter_context(home.locked())
            stack.enter_context(self._watching())
            ledger = Ledger(home.ledger, create=True)
            stack.callback(ledger.close)
            commitments, counters = Commitments(), Counters()
            couriers = self._couriers(home, ledger, commitments, counters)
            recover(home, ledger)
            with ledger.writing() as session:
                give_up_unknown_targets(session, set(self._config.targets))
            if self._config.metrics is not None:
                where = (self._config.metrics.host, self._config.metrics.port)
                stack.callback(serve(counters, lambda: take_status(ledger, home), *where))
            associations = Associations(ledger)
            intake = Intake(home, ledger, self._config.minimum_free_mb * MEGABYTE, counters)
            pool = stack.enter_context(self._pool())
            workers = self._workers(home, ledger, counters, pool)
            loops = [*self._housekeeping(home, ledger, associations), *workers, *couriers]
            listener = Listener(self._config, associations, intake, counters)
            with listener.running(commitments):
                for loop in loops:
                    loop.start()
                log.info("listening", extra={"ae_title": self._config.ae_title, "port": self._config.port})
                self.ready.set()
                self._stopping.wait()
                log.info("stopping")
            if pool is not None:
                pool.close()  # what its workers have in hand is segmented after the next start
            associations.note_lost()
            self._wait_for(loops)
        log.info("stopped")
        return not self._failed

    def _couriers(self, home: Home, ledger: Ledger, commitments: Commitments, counters: Counters) -> list[Loop]:
        loops = []
        for name, target in open_targets(self._config, commitments).items():
            courier = Courier(name, target, self._config.retry, home, ledger, counters)
            for number in range(self._config.targets[name].parallel):
                loops.append(Loop(f"delivery to {name}, {number}", courier.step, LOOK_SECONDS, self._stopping))
        return loops

    @contextmanager
    def _pool(self) -> Iterator[Pool | None]:
        """Processes or actors that segment, where the configuration asks for them."""
        config = self._config
        if not config.workers and config.ray is None:
            yield None
            return
        engine = LOCAL if config.ray is None else RAY
        how: dict[str, Any] = {"device": config.device, "speed": config.speed, "address": config.ray or "auto"}
        crew = Crew(engine, config.workers or None, **how)
        weights = {rule.weights for rule in config.rules}
        with crew.pool(weights.pop() if len(weights) == 1 else None) as pool:
            yield pool

    def _workers(self, home: Home, ledger: Ledger, counters: Counters, pool: Pool | None) -> list[Loop]:
        parts = (self._config, home, ledger, counters, self._stopping)
        worker = Worker(*parts) if pool is None else PoolWorker(*parts, pool)
        count = 1 if pool is None else pool.size
        return [Loop(f"worker {number}", worker.step, LOOK_SECONDS, self._stopping) for number in range(count)]

    def _housekeeping(self, home: Home, ledger: Ledger, associations: Associations) -> list[Loop]:
        config, stopping = self._config, self._stopping
        completion = Completion(config, home, ledger)
        letters = DeadLetters(home, ledger)

        def look() -> bool:
            associations.note_lost()
            return letters.step()

        return [
            Loop("completion", completion.step, LOOK_SECONDS, stopping),
            Loop("housekeeping", look, HOUSEKEEPING_SECONDS, stopping),
            Loop("retention", Retention(home, ledger, config.keep_received_hours).step, RETENTION_SECONDS, stopping),
        ]

    @contextmanager
    def _watching(self) -> Iterator[None]:
        """A thread of ours that ends by a bug ends the node: it must not go on half dead.

        pynetdicom's thread of one connection may end by what a stranger sends over it: that ends the connection.
        """
        before = threading.excepthook

        def on_error(failure: threading.ExceptHookArgs) -> None:
            name = failure.thread.name if failure.thread else ""
            kind, error, trace = failure.exc_type, failure.exc_value, failure.exc_traceback
            told = (kind, error or kind(), trace)
            if not isinstance(failure.thread, LoopThread) and not name.endswith(ACCEPTING):
                log.error("a connection was ended by what came over it", exc_info=told)
                return
            log.critical("a bug ended %s", name, exc_info=told)
            self._failed = True
            self._stopping.set()

        threading.excepthook = on_error
        try:
            yield
        finally:
            threading.excepthook = before

    @staticmethod
    def _wait_for(loops: list[Loop]) -> None:
        until = time.monotonic() + PATIENCE_SECONDS
        for loop in loops:
            if not loop.join(max(0.0, until - time.monotonic())):
                log.warning("left unfinished", extra={"loop": loop.name})
