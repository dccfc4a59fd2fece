"""A training ends with the server that started it: nobody could stop it, or see it, afterwards."""

import os
import threading
from collections.abc import Callable

_SERVER = "SDSEG_SERVER_PID"
_EVERY = 0.5  # seconds


def note_server() -> None:
    """This process is the server; its background tasks inherit that."""
    os.environ[_SERVER] = str(os.getpid())


def end_with_server(last_words: Callable[[], None]) -> None:
    """From now on this process ends when the server that started it has ended; without a server nothing happens.

    It ends at once, as if it was killed, after `last_words`, which another thread says.
    """
    server = int(os.environ.get(_SERVER, "0"))
    if server and server != os.getpid():
        threading.Thread(target=_watch, args=(server, last_words), daemon=True).start()


def _watch(server: int, last_words: Callable[[], None]) -> None:
    never = threading.Event()
    while os.getppid() == server:
        never.wait(_EVERY)
    try:
        last_words()
    finally:
        os._exit(1)
