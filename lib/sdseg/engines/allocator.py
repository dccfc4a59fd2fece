"""Large blocks of memory stay with the process instead of going back to the system after every layer.

A network of the paper's size asks for blocks of 30 to 250 MB layer after layer. glibc fetches each anew from the
kernel, which fills it with zeros page by page: a fifth to a quarter of the plain loop's time.
"""

from __future__ import annotations

import ctypes

# Parameters of mallopt(3), from malloc.h.
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_MAX = -1, -2, -4
_MOST = 2**31 - 1  # a C int: the heap is never trimmed
_GROW = 512 * 2**20


def keep_large_blocks() -> bool:
    """For this process, from now on. False where the C library has no such switches (other than glibc)."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    answers = [
        mallopt(key, value) for key, value in ((_M_MMAP_MAX, 0), (_M_TRIM_THRESHOLD, _MOST), (_M_TOP_PAD, _GROW))
    ]
    return all(answers)


def give_back_free_blocks() -> bool:
    """What is kept and not used goes back to the system now, once. False where the C library has no such call."""
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError):
        return False
    return bool(trim(0))
