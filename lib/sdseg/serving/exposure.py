"""Whether an address to listen on can be reached from other machines, and when that is refused."""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Mapping

from sdseg.errors import InputError

REMEDY = (
    "give --conf tokens FILE (see `sdseg token new`) or --conf oidc_issuer URL, or --conf allow_public true if "
    "whoever reaches it may read and change everything"
)
_TRUE = frozenset({"1", "true", "yes", "on", "y", "t"})  # as pydantic reads them


def is_loopback(address: str) -> bool:
    """True for an IP address which only this machine reaches: 127.0.0.0/8, ::1, or the former written as IPv6."""
    try:
        ip = ipaddress.ip_address(address.strip("[]").partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(ip, "ipv4_mapped", None)
    return bool((mapped or ip).is_loopback)


def stays_here(host: str) -> bool:
    """True when whoever listens on `host`, an address or a name, is reached from this machine only.

    The empty name is every address, as for `bind`; so are `0.0.0.0` and `::`. A name that is not known stays nowhere.
    """
    if not host:
        return False
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return False
    return all(is_loopback(str(entry[4][0])) for entry in found)


def check_exposure(host: str, authenticated: bool, allow_public: bool) -> None:
    """Raise InputError for an address that others reach while anybody may do anything."""
    if not (authenticated or allow_public or stays_here(host)):
        raise InputError(
            f"The address {host[:80]!r} can be reached from other machines, and no authentication is configured: "
            f"{REMEDY}; or listen on 127.0.0.1."
        )


def is_configured(conf: Mapping[str, str], *keys: str) -> bool:
    """Is one of these keys set, in `--conf` or as SDSEG_KEY in the environment?"""
    return any(_value(conf, key) for key in keys)


def is_true(conf: Mapping[str, str], key: str) -> bool:
    """Is this key set to a word for yes?"""
    return _value(conf, key).strip().lower() in _TRUE


def _value(conf: Mapping[str, str], key: str) -> str:
    return conf.get(key) or os.environ.get(f"SDSEG_{key.upper()}", "")
