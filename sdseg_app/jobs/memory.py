"""Too little memory: noticed whatever its disguise, told in a sentence, and everything let go of."""

import errno
import gc
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

from sdseg.errors import SdsegError
from sdseg.jobs.errors import chain_of, forget_locals

_WORDS = re.compile(r"out of memory|can't allocate memory|cannot allocate memory|not enough memory|alloc_failed", re.I)


class MemoryShortError(SdsegError):
    """The device has too little free memory for this; nothing of it is held any more."""


@contextmanager
def enough_memory(device: str, let_go: Callable[[], None]) -> Iterator[None]:
    """Run the block; where memory does not suffice call `let_go` and raise MemoryShortError."""
    try:
        yield
    except MemoryShortError:
        raise
    except (RuntimeError, MemoryError, OSError, SdsegError) as error:
        if not is_memory_error(error):
            raise
        forget_locals(error)
        release(let_go)
        elsewhere = "choose the device cpu" if device != "cpu" else "close other programs"
        raise MemoryShortError(
            f"The device {device} has too little free memory for this image; {elsewhere}, or send fewer slices."
        ) from None


def release(let_go: Callable[[], None] = lambda: None) -> None:
    """Call `let_go`, and give what nobody uses back to the system."""
    let_go()
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def is_memory_error(error: BaseException) -> bool:
    """Whether it, or what it was made of, says that memory is short: torch and MONAI wrap it in other errors."""
    return any(
        isinstance(link, MemoryError | torch.OutOfMemoryError)
        or (isinstance(link, OSError) and link.errno == errno.ENOMEM)
        or (isinstance(link, RuntimeError) and _WORDS.search(str(link)) is not None)
        for link in chain_of(error)
    )
