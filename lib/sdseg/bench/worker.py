"""The process of one contestant: it loads, waits for its turn, runs, and tells its seconds and its memory.

A process each, because what the allocator keeps and how much memory was ever used belong to a process. Only one of
them works at a time.
"""

from __future__ import annotations

import os
from multiprocessing import get_context
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any, Self

from sdseg.bench.contestant import Contestant, Facts
from sdseg.bench.timing import Seconds
from sdseg.errors import InputError, SdsegError


class Worker:
    """A contestant in a process of its own, as a context manager.

    Args:
        contestant: who.
        device: torch device.
        threads: of the processor.
    """

    def __init__(self, contestant: Contestant, device: str, threads: int) -> None:
        self.contestant = contestant
        context = get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, contestant, device, threads), daemon=True)

    def __enter__(self) -> Self:
        self._process.start()
        try:
            self.facts: Facts = self._answer()
        except BaseException:
            self._process.kill()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.join()

    def run(self, slices: int) -> Seconds:
        """Seconds of one pass over `slices` slices, stage by stage."""
        self._pipe.send(slices)
        seconds: Seconds = self._answer()
        return seconds

    def peak_memory(self) -> int:
        """Bytes that its process, or on a GPU torch, has held at most."""
        self._pipe.send(0)
        return int(self._answer())

    def _answer(self) -> Any:
        """Raises InputError: the process ended, or what it ran did."""
        try:
            answer = self._pipe.recv()
        except EOFError:
            self._process.join()
            raise InputError(
                f"The process of {self.contestant.name} ended (exit code {self._process.exitcode}); "
                "is there enough memory for it?"
            ) from None
        if isinstance(answer, SdsegError):
            raise answer
        return answer


def _serve(pipe: Connection, contestant: Contestant, device: str, threads: int) -> None:
    os.environ["OMP_NUM_THREADS"] = str(threads)
    from sdseg.bench.loading import count, load
    from sdseg.bench.timing import time_pass
    from sdseg.evaluation.probe import random_slices

    try:
        model, facts = load(contestant, device, threads)
        pipe.send(facts)
        while True:
            slices = pipe.recv()
            pipe.send(time_pass(model, random_slices(model, slices), contestant.batch_size) if slices else count(model))
    except SdsegError as error:
        pipe.send(error)
    except EOFError:
        return  # whoever asked is gone
