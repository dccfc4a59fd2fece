"""What is quietened for a conversion is the process's: it must come back, whoever converts at the same time."""

import logging
import sys
import threading
import warnings

from sdseg.engines.silent import converting


def state() -> tuple[object, ...]:
    return sys.stdout, logging.getLogger("torch.onnx").level, len(warnings.filters)


def test_two_threads_that_convert_at_once_leave_everything_as_it_was() -> None:
    before, inside, first_is_out = state(), threading.Event(), threading.Event()

    def second() -> None:
        inside.wait(10)
        with converting():
            first_is_out.wait(10)

    thread = threading.Thread(target=second)
    thread.start()
    with converting(), converting():  # a conversion within a quantisation
        assert sys.stdout is sys.stderr and logging.getLogger("torch.onnx").level == logging.ERROR
        inside.set()
        thread.join(0.5)  # time to enter, if it could
    first_is_out.set()
    thread.join(10)
    assert not thread.is_alive() and state() == before
