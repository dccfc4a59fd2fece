"""What the commands of `sdseg models` have in common."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import Annotated

import typer

ModelDir = Annotated[
    Path,
    typer.Option("--model-dir", help="The server's model_dir, running or not.", envvar="SDSEG_MODEL_DIR"),
]
Model = Annotated[str, typer.Option("--model", help="Name of the served model.")]
Name = Annotated[str, typer.Argument(help='Beginning of the SHA-256, or "base".')]
Reason = Annotated[str, typer.Option("--reason", help="Kept in the history.")]
Json = Annotated[bool, typer.Option("--json", help="As JSON, for programs.")]


def user() -> str:
    """Who types."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container without a name for its user
        return ""
