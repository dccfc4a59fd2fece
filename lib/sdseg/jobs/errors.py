"""Why a job has no result."""

import traceback
from collections.abc import Iterator

from sdseg.errors import SdsegError


class QueueFullError(SdsegError):
    """So many wait already that one more is refused.

    Attributes:
        retry_after: seconds after which asking again may help.
    """

    def __init__(self, waiting: int, retry_after: int) -> None:
        super().__init__(
            f"{waiting} {'inference waits' if waiting == 1 else 'inferences wait'} already; ask again in about "
            f"{retry_after} s."
        )
        self.retry_after = retry_after


class JobCancelledError(SdsegError):
    """The job was cancelled before it had a result; nothing was filed."""


class DuplicateJobError(SdsegError):
    """There is a job of this id already."""


def chain_of(error: BaseException) -> Iterator[BaseException]:
    """The error and those it came from, each once: a chain may be a ring."""
    link: BaseException | None = error
    seen: set[int] = set()
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        yield link
        link = link.__cause__ or link.__context__


def forget_locals(error: BaseException) -> None:
    """Let go of what the frames of its chain hold, tensors among it."""
    for link in chain_of(error):
        traceback.clear_frames(link.__traceback__)
