"""Command-line validators that come with the development requirements."""

import sysconfig
from pathlib import Path


def tool(name: str) -> str:
    """Path of a program beside this Python; a missing one makes the test fail, not skip."""
    path = Path(sysconfig.get_path("scripts")) / name
    assert path.exists(), f"{name} is missing: pip install -r requirements-dev.txt"
    return str(path)
