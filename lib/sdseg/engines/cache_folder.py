"""Where what can be made again is kept between starts."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path | None:
    """SDSEG_CACHE, else `sdseg` in the user's cache folder; None where there is no home."""
    own, users = os.environ.get("SDSEG_CACHE"), os.environ.get("XDG_CACHE_HOME")
    try:
        return Path(own) if own else (Path(users) if users else Path.home() / ".cache") / "sdseg"
    except RuntimeError:  # no home
        return None
