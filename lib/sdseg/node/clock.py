"""The time that the ledger keeps."""

import time
from datetime import UTC, datetime


def now() -> float:
    """Seconds since 1970, UTC."""
    return time.time()


def readable(at: float) -> str:
    """ISO 8601, seconds, UTC."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
