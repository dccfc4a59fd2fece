"""Trying again: longer and longer pauses, and not where it is no use."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sdseg.delivery.target import Receipt, Target
from sdseg.errors import DeliveryError, InputError, RefusedError, SetupError
from sdseg.pacs.answers import BusyError


@dataclass(frozen=True)
class Retries:
    """How often and when to try again. Raises InputError: below zero.

    Attributes:
        times: further attempts after the first.
        first, longest: seconds before the second attempt, which double from then on, and their limit.
    """

    times: int = 5
    first: float = 1.0
    longest: float = 60.0

    def __post_init__(self) -> None:
        if self.times < 0 or self.first < 0 or self.longest < 0:
            raise InputError("Attempts and pauses of a delivery are not below zero: check --retry.")

    def pause(self, attempt: int, error: BaseException | None = None) -> float:
        """Seconds before the attempt after `attempt` (1, 2, ...), a little random: senders must not march in step.

        Not before the time that a busy server asked for in `error`, but never more than `longest`.
        """
        pause = min(self.first * 2.0 ** min(attempt - 1, 30), self.longest)
        pause *= random.uniform(0.8, 1.0)
        asked = error.retry_after if isinstance(error, BusyError) else None
        return min(max(pause, asked or 0.0), self.longest)


def deliver(target: Target, path: Path, retries: Retries, wait: Callable[[float], None] = time.sleep) -> Receipt:
    """Deliver one file, trying again while that may help.

    Raises RefusedError, SetupError at once; DeliveryError when all attempts are used up; InputError: no DICOM file.
    """
    attempt = 0
    while True:
        attempt += 1
        try:
            return target.deliver(path)
        except (RefusedError, SetupError):
            raise
        except DeliveryError as error:
            if attempt > retries.times:
                raise
            wait(retries.pause(attempt, error))
