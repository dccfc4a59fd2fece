"""Symbolic links in a folder of images: followed inside it, never out of it."""

import logging
import os
from functools import lru_cache
from pathlib import Path

logger = logging.getLogger(__name__)


def leads_out(path: Path, folder: Path) -> bool:
    """Is `path` a symbolic link to something outside `folder`? It is left out then, and the log says so, once."""
    if not path.is_symlink():
        return False
    # Not Path.resolve, which raises for a link to itself.
    out = not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))
    if out:
        _tell(path)
    return out


@lru_cache(maxsize=1000)
def _tell(path: Path) -> None:
    logger.warning("%s is left out: it is a link that leads out of the folder; copy or mount what is to be seen.", path)
