"""`python -m sdseg.serving.start ARGUMENTS`: MONAI Label's own command, without optional packages nobody asked for.

MONAI Label imports all of MONAI, and MONAI whatever of MLflow and transformers is installed: seconds that a person
waits. And uvicorn, when it has ended well at a SIGTERM, sends itself another one: what a program does at its exit,
the removal of temporary files among it, happens only where that raises SystemExit.
"""

from __future__ import annotations

import gc
import runpy
import signal
import sys
from types import FrameType

from sdseg.quick_start import leave_out_extras


def _exit(number: int, frame: FrameType | None) -> None:
    sys.exit()  # it did what it was asked to: a supervisor need not worry


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _exit)
    leave_out_extras()
    gc.disable()  # until the app comes (sdseg_app/early.py): nothing of what is imported is garbage
    runpy.run_module("monailabel.main", run_name="__main__", alter_sys=True)
