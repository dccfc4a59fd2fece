"""One process or many: accelerate tells which, torchrun or `accelerate launch` starts them."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import broadcast_object_list

from sdseg.errors import InputError
from sdseg.model.device import check_device
from sdseg.training.learner import Learner


class Processes:
    """The processes that train together; alone unless started by torchrun.

    Args:
        device: torch device; with several processes on GPUs, each takes its own.

    Raises:
        InputError: there is no such device.
    """

    def __init__(self, device: str = "cpu") -> None:
        kind = torch.device(check_device(device)).type
        if self._launched() > 1 and kind == "cuda":
            device = f"cuda:{os.environ.get('LOCAL_RANK', '0')}"
        self.device = check_device(device)
        if kind == "cuda":
            torch.cuda.set_device(self.device)
        self._accelerator = Accelerator(cpu=kind == "cpu", device_placement=False)
        if self._accelerator.num_processes != self._launched():
            raise InputError("The processes could not find each other: start them with torchrun.")

    @staticmethod
    def _launched() -> int:
        return int(os.environ.get("WORLD_SIZE", "1"))

    @property
    def count(self) -> int:
        return int(self._accelerator.num_processes)

    @property
    def rank(self) -> int:
        return int(self._accelerator.process_index)

    @property
    def is_main(self) -> bool:
        return bool(self._accelerator.is_main_process)

    def wrap(self, learner: Learner) -> torch.nn.Module:
        """The learner, its gradients averaged over the processes."""
        return self._accelerator.prepare(learner) if self.count > 1 else learner

    def backward(self, loss: torch.Tensor) -> None:
        """Back-propagate."""
        self._accelerator.backward(loss)

    def no_sync(self, module: torch.nn.Module) -> AbstractContextManager[Any]:
        """Gradients are summed up here and not yet shared."""
        return self._accelerator.no_sync(module)

    def mean(self, terms: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """The mean of each term over the processes."""
        return self._accelerator.reduce(terms, reduction="mean") if self.count > 1 else terms

    def agree(self, value: Any) -> Any:
        """What the main process says."""
        return broadcast_object_list([value])[0] if self.count > 1 else value

    def wait(self) -> None:
        """Until all are here."""
        self._accelerator.wait_for_everyone()
