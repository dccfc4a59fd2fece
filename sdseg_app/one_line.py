"""A user's mistake that ends a process is told in one line."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from sdseg.errors import SdsegError


@contextmanager
def one_line_errors(ends_process: bool) -> Iterator[None]:
    """Let an SdsegError out without its traceback, if it `ends_process` anyway.

    Starlette prints the traceback of whatever a server's start raises, and Python that of a script. Both leave
    out the frames when `sys.tracebacklimit` is 0. It is only set on the way out: nothing else loses its traceback.
    """
    try:
        yield
    except SdsegError as error:
        if not ends_process:
            raise
        sys.tracebacklimit = 0
        raise type(error)(str(error)) from None
