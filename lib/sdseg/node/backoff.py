"""How long to wait before the next try."""

from __future__ import annotations

import random

from sdseg.node.config import Retry

JITTER = 0.2


def pause_before(attempt: int, retry: Retry) -> float:
    """Seconds to wait after so many failed attempts: doubling, bounded, and 20 % at random so that nobody marches in
    step.
    """
    doubled = retry.first_seconds * 2 ** min(attempt - 1, 30)
    return min(doubled, retry.longest_seconds) * random.uniform(1 - JITTER, 1 + JITTER)
