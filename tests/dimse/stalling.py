"""A network that stops moving: a TCP proxy that takes so many bytes, and then no more."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def stalling(port: int, after: int) -> Iterator[int]:
    """A port that leads to `port` until the caller sent `after` bytes; then the connection stays, and stalls."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_carry_one, args=(listener, port, after, over), daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        over.set()
        thread.join()


def _carry_one(listener: socket.socket, port: int, after: int, over: threading.Event) -> None:
    caller, _ = listener.accept()
    with caller, socket.create_connection(("127.0.0.1", port)) as archive:
        threading.Thread(target=_carry, args=(archive, caller, None), daemon=True).start()
        _carry(caller, archive, after)
        over.wait()


def _carry(source: socket.socket, sink: socket.socket, limit: int | None) -> None:
    """Pass bytes on, until the end or so many."""
    carried = 0
    try:
        while limit is None or carried < limit:
            piece = source.recv(4096)
            if not piece:
                return
            sink.sendall(piece)
            carried += len(piece)
    except OSError:
        return
