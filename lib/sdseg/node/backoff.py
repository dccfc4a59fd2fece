"""How long to wait before the next try."""

from __future__ import annotations

from sdseg.delivery.retry import Retries
from sdseg.node.config import Retry


def pause_before(attempt: int, retry: Retry, error: BaseException | None = None) -> float:
    """Seconds to wait after so many failed attempts, the last of which ended in `error`; see `Retries.pause`."""
    return Retries(first=retry.first_seconds, longest=retry.longest_seconds).pause(attempt, error)
