"""Times as the pages read them."""

from datetime import UTC, datetime
from typing import Any


def iso_time(seconds: Any) -> str:
    """ISO 8601, UTC, of seconds since the epoch; '' for anything else."""
    try:
        return datetime.fromtimestamp(float(seconds), UTC).isoformat(timespec="seconds") if seconds else ""
    except (TypeError, ValueError, OverflowError, OSError):
        return ""
