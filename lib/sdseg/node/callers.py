"""Who may call: AE titles and, where given, the hosts they call from."""

from __future__ import annotations

import socket
from collections.abc import Sequence

from sdseg.node.config import Caller

# Result, source and diagnostic of an A-ASSOCIATE-RJ, PS3.8 9.3.4.
CALLED_UNKNOWN = (0x01, 0x01, 0x07)
CALLING_UNKNOWN = (0x01, 0x01, 0x03)


class Callers:
    """The list of those who may call; an empty one lets everybody.

    Args:
        own_title: how we must be called.
        allowed: AE titles and hosts.
    """

    def __init__(self, own_title: str, allowed: Sequence[Caller]) -> None:
        self._own_title, self._allowed = own_title, tuple(allowed)

    def refusal(self, called: str, calling: str, address: str) -> tuple[int, int, int] | None:
        """Why an association is refused, None where it is not; `address` is the caller's IP address."""
        if called.strip() != self._own_title:
            return CALLED_UNKNOWN
        if not self._allowed:
            return None
        named = [caller for caller in self._allowed if caller.ae_title == calling.strip()]
        if any(caller.host is None or address in addresses(caller.host) for caller in named):
            return None
        return CALLING_UNKNOWN


def addresses(host: str) -> set[str]:
    """IP addresses of a host as names are resolved now; none where it is unknown."""
    try:
        return {str(found[4][0]) for found in socket.getaddrinfo(host, None)}
    except OSError:
        return set()
