"""Failed logins are slowed down."""

import ipaddress
import threading
import time
from collections import OrderedDict, deque

from sdseg_app.security.outcome import TooManyError

_MOST = 10  # failures ...
_WITHIN = 300.0  # ... in so many seconds
_KEPT = 10_000  # keys remembered


class Attempts:
    """Failures of each address, and of each name that is tried with passwords. Usable from several threads."""

    def __init__(self, most: int = _MOST, within: float = _WITHIN) -> None:
        self._most = most
        self._within = within
        self._failures: OrderedDict[str, deque[float]] = OrderedDict()
        self._lock = threading.Lock()

    def check(self, *keys: str) -> None:
        """Raises TooManyError while one of them failed too often."""
        now = time.monotonic()
        with self._lock:
            waits = [self._wait(key, now) for key in keys]
        wait = max(waits, default=0.0)
        if wait > 0:
            seconds = int(wait) + 1
            raise TooManyError(
                f"Too many logins failed; try again in {seconds} seconds.", {"Retry-After": str(seconds)}
            )

    def failed(self, *keys: str) -> None:
        now = time.monotonic()
        with self._lock:
            for key in keys:
                self._failures.setdefault(key, deque(maxlen=self._most)).append(now)
                self._failures.move_to_end(key)
            while len(self._failures) > _KEPT:
                self._failures.popitem(last=False)

    def succeeded(self, *keys: str) -> None:
        with self._lock:
            for key in keys:
                self._failures.pop(key, None)

    def _wait(self, key: str, now: float) -> float:
        failures = self._failures.get(key)
        if failures is None or len(failures) < self._most:
            return 0.0
        return failures[0] + self._within - now


def neighbourhood(address: str) -> str:
    """An IPv4 address, or the /64 of an IPv6 one: whoever has one address of it has them all."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return address[:80]
    return str(ipaddress.ip_network(f"{ip}/64", strict=False)) if ip.version == 6 else str(ip)
