"""The process of one contestant: it loads, waits for its turn, runs, and tells its seconds and its memory.

A process each, because what the allocator keeps and how much memory was ever used belong to a process. Only one of
them works at a time.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib import import_module
from multiprocessing import get_context
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any, Self

from sdseg.errors import InputError, SdsegError


class Worker:
    """A stand in a process of its own, as a context manager.

    Args:
        name: of the contestant, for messages.
        stand: "module:name" of what is called with `arguments` in the process; its answer is asked by `ask`.
        arguments: what can be sent to a process.
        threads: of the processor.
    """

    def __init__(self, name: str, stand: str, arguments: tuple[Any, ...], threads: int) -> None:
        self.name = name
        context = get_context("forkserver")
        context.set_forkserver_preload(["sdseg.bench.imports"])  # of no effect once it runs
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, stand, arguments, threads), daemon=True)

    def __enter__(self) -> Self:
        self._process.start()
        try:
            self._answer()
        except BaseException:
            self._process.kill()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.join()

    def ask(self, method: str, *arguments: Any) -> Any:
        """What the stand's method answers. Raises SdsegError."""
        self._pipe.send((method, arguments))
        return self._answer()

    def _answer(self) -> Any:
        try:
            answer = self._pipe.recv()
        except EOFError:
            self._process.join()
            raise InputError(
                f"The process of {self.name} ended (exit code {self._process.exitcode}); is there enough memory for it?"
            ) from None
        if isinstance(answer, SdsegError):
            raise answer
        return answer


def _serve(pipe: Connection, stand: str, arguments: tuple[Any, ...], threads: int) -> None:
    os.environ["OMP_NUM_THREADS"] = str(threads)  # for what is loaded later
    import torch
    from diffusers.utils import logging as diffusers_logging

    diffusers_logging.set_verbosity_error()  # it warns of every cast, also of those that are meant

    torch.set_num_threads(threads)
    module, _, name = stand.partition(":")
    make: Callable[..., Any] = getattr(import_module(module), name)
    try:
        made = make(*arguments)
        pipe.send(None)
        while True:
            method, given = pipe.recv()
            pipe.send(getattr(made, method)(*given))
    except SdsegError as error:
        pipe.send(error)
    except EOFError:
        return  # whoever asked is gone
