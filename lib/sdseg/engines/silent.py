"""What libraries say of their work on our networks, and to whom.

OpenVINO and NNCF tell their maker of every use, unless the package that sends it cannot be imported. What is segmented
in a hospital is nobody's business: they must be imported behind `forbid_telemetry`.
"""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from threading import RLock
from typing import Any

_SENDER = "openvino_telemetry"
_TALKATIVE = ("torch.onnx", "onnxscript")
_turn = RLock()


def forbid_telemetry() -> None:
    """For this process. Both libraries do without the package where it is missing."""
    modules: dict[str, Any] = sys.modules
    modules.setdefault(_SENDER, None)  # an import of it now raises ImportError
    if modules[_SENDER] is not None:
        raise RuntimeError(f"{_SENDER} was imported before the engines")


@contextmanager
def converting() -> Iterator[None]:
    """Within the block networks are converted without a word on how they are traced; progress is shown on stderr.

    The networks are ours and tested: nobody who segments can do anything about the shape of a graph. Stdout, warnings
    and loggers are the process's: one thread at a time, or the second would put back what the first had set.
    """
    loggers = [logging.getLogger(name) for name in _TALKATIVE]
    with _turn, warnings.catch_warnings(), redirect_stdout(sys.stderr):
        warnings.simplefilter("ignore")
        before = [logger.level for logger in loggers]
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            for logger, level in zip(loggers, before, strict=True):
                logger.setLevel(level)
