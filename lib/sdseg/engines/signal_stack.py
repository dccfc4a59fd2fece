"""OpenVINO gives a thread another stack for its signal handlers, and may take its memory back while it is in use.

Each `openvino.Core` that loads the CPU plugin does so (sigaltstack(2)); where several end in another order than they
began in, or in other threads, the thread is left with a stack that is not there any more, and the next signal with a
handler, say SIGCHLD or SIGTERM, ends the process without a word.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_DISABLED = 2  # SS_DISABLE


class SignalStack(ctypes.Structure):
    """stack_t of Linux's <signal.h>. Attributes: ss_sp (address), ss_flags, ss_size (bytes)."""

    _fields_ = (("ss_sp", ctypes.c_void_p), ("ss_flags", ctypes.c_int), ("ss_size", ctypes.c_size_t))


@contextmanager
def own_signal_stack() -> Iterator[None]:
    """This thread's signal handlers have the same stack after the block as before, whatever is loaded within it."""
    if not sys.platform.startswith("linux"):
        yield
        return
    before = signal_stack()
    try:
        yield
    finally:
        if _set(before) != 0:  # too small for the registers in use by now: handlers run on the thread's own stack
            _set(SignalStack(None, _DISABLED, 0))


def signal_stack() -> SignalStack:
    """This thread's, on Linux."""
    found = SignalStack()
    _libc().sigaltstack(None, ctypes.byref(found))
    return found


def _set(stack: SignalStack) -> int:
    return int(_libc().sigaltstack(ctypes.byref(stack), None))


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None)
