"""Networks run by OpenVINO come and go in any order, and signals with a handler are still handled."""

import gc
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from sdseg.engines.openvino_run import openvino_run
from sdseg.engines.signal_stack import SignalStack, own_signal_stack, signal_stack

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="sigaltstack(2) of Linux")


def told(stack: SignalStack) -> tuple[int | None, int, int]:
    return stack.ss_sp, stack.ss_flags, stack.ss_size


def test_the_stack_is_the_one_of_before() -> None:
    before = told(signal_stack())
    runs = [openvino_run(torch.nn.Conv2d(1, 1, 1), (torch.zeros(1, 1, 2, 2),), "fp32") for _ in range(3)]
    assert told(signal_stack()) == before
    while runs:
        runs.pop(0)
        gc.collect()
        assert told(signal_stack()) == before


def test_openvino_alone_replaces_it() -> None:
    """Otherwise nothing of this would be needed any more."""
    import openvino

    with own_signal_stack():
        before = told(signal_stack())
        core = openvino.Core()
        core.get_property("CPU", "FULL_DEVICE_NAME")
        assert told(signal_stack()) != before


def test_a_process_bears_signals_after_its_networks_are_gone() -> None:
    program = Path(__file__).with_name("signalled.py")
    ended = subprocess.run([sys.executable, program], capture_output=True, text=True, timeout=120)
    assert (ended.returncode, ended.stdout) == (0, "handled 20\n"), ended.stderr
