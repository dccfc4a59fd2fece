"""What can go wrong when an image is loaded, said in one sentence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from pathlib import Path

from sdseg.errors import InputError, SdsegError
from sdseg.volume.volume_check import check_volume


def check_exists(source: Path) -> None:
    """Raise InputError if there is nothing at `source`."""
    if not Path(source).exists():
        raise InputError(f"There is no image at {source}; check the path.")


@contextmanager
def load_failures(source: Path) -> Iterator[None]:
    """Turn the many ways in which MONAI's readers fail on `source` into one InputError.

    MONAI wraps whatever a transform raises into a RuntimeError that quotes the transform; our own sentence, or
    the reader's, is at the bottom of the chain.

    Raises:
        InputError: also at once, if there is nothing at `source`.
    """
    check_exists(source)
    if Path(source).is_file():
        check_volume(Path(source))
    try:
        yield
    except SdsegError:
        raise
    except (RuntimeError, OSError, ValueError, EOFError) as error:
        cause = root_cause(error)
        if isinstance(cause, SdsegError):
            raise copy(cause) from error  # itself would make the chain a ring, in which whoever follows it hangs
        raise InputError(
            f"{source} cannot be read as an image ({_first_line(cause)}); it may be truncated or of another kind."
        ) from error


def root_cause(error: BaseException) -> BaseException:
    """The first error of a chain."""
    while error.__cause__ is not None:
        error = error.__cause__
    return error


def _first_line(error: BaseException) -> str:
    text = str(error).strip()
    return text.splitlines()[0] if text else type(error).__name__
