"""Run by test_signal_stack.py: a handler, a stack for it as faulthandler sets it, networks that end in their order."""

import faulthandler
import gc
import os
import signal

import torch

from sdseg.engines.openvino_run import openvino_run

faulthandler.enable()
handled = []
signal.signal(signal.SIGUSR1, lambda *_: handled.append(1))
runs = [openvino_run(torch.nn.Conv2d(1, 1, 1), (torch.zeros(1, 1, 2, 2),), "fp32") for _ in range(3)]
while runs:
    runs.pop(0)
    gc.collect()
for _ in range(20):
    os.kill(os.getpid(), signal.SIGUSR1)
print("handled", len(handled))
