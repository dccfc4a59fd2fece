"""Why a job has no result."""

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
