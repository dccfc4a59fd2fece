"""Whom to call and as whom: one remote application entity."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import parse_qs, quote, unquote, urlsplit

from sdseg.errors import InputError
from sdseg.tls_files import TlsFiles

SCHEME = "dicom"
CALLING = "SDSEG"
_LONGEST_TITLE = 16
_LAST_PORT = 65535
_FORM = "it should look like dicom://CALLED@host:port?calling=SDSEG."


@dataclass(frozen=True)
class Timeouts:
    """Seconds after which a peer is given up. Raises InputError: not above zero.

    Attributes:
        connect: for the TCP connection and the TLS handshake.
        acse: for its answer to an association request, a release or an abort.
        dimse: for its answer to a message, counted from the last byte of a message of ordinary size.
        network: for one piece of the connection that does not move.
    """

    connect: float = 10.0
    acse: float = 30.0
    dimse: float = 60.0
    network: float = 60.0

    def __post_init__(self) -> None:
        for name, seconds in vars(self).items():
            if not seconds > 0:
                raise InputError(f"The {name} timeout of {seconds} seconds is not above zero.")


@dataclass(frozen=True)
class Peer:
    """A remote application entity. Raises InputError: a title, host or port which DICOM does not know.

    Attributes:
        called: its AE title (PS3.5 6.2, VR AE: 1 to 16 characters).
        host, port: where it listens.
        calling: our AE title.
        tls: files of the TLS connection; None: not encrypted.
    """

    called: str
    host: str
    port: int
    calling: str = CALLING
    tls: TlsFiles | None = None
    timeouts: Timeouts = field(default_factory=Timeouts)

    def __post_init__(self) -> None:
        object.__setattr__(self, "called", ae_title(self.called))
        object.__setattr__(self, "calling", ae_title(self.calling))
        if not self.host or any(character.isspace() for character in self.host):
            raise InputError(f"{self.host!r} is not the host of a DICOM peer; give a name or an IP address.")
        if not 0 < self.port <= _LAST_PORT:
            raise InputError(f"Port {self.port} of the DICOM peer {self.host} is not between 1 and {_LAST_PORT}.")

    @property
    def name(self) -> str:
        """How messages and logs call it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{SCHEME}://{quote(self.called)}@{host}:{self.port}"

    @classmethod
    def parse(cls, address: str, *, tls: TlsFiles | None = None, timeouts: Timeouts | None = None) -> Peer:
        """The peer at `dicom://CALLED@host:port`, with `?calling=OURS` where we are not SDSEG.

        Raises InputError: not such an address.
        """
        parts = urlsplit(address)
        try:
            port = parts.port
        except ValueError:
            port = None
        title, host = unquote(parts.username or ""), parts.hostname
        if parts.scheme != SCHEME or not title or not host or port is None:
            raise InputError(f"{address} is not a DICOM address; {_FORM}")
        if parts.password or parts.path not in ("", "/") or parts.fragment:
            raise InputError(f"The DICOM address of {title} at {host}:{port} says too much; {_FORM}")
        settings = parse_qs(parts.query, keep_blank_values=True)
        callings = settings.pop("calling", [CALLING])
        if settings or len(callings) != 1:
            raise InputError(f"The DICOM address {address} has settings other than one `calling`; {_FORM}")
        return cls(title, host, port, callings[0], tls, timeouts or Timeouts())


def is_dicom_address(address: str) -> bool:
    return address.lower().startswith(f"{SCHEME}://")


def ae_title(title: str) -> str:
    """`title` without the spaces around it (they do not count, PS3.5 6.2). Raises InputError: not an AE title."""
    stripped = title.strip(" ")
    printable = all(" " <= character <= "~" and character != "\\" for character in stripped)
    if not 0 < len(stripped) <= _LONGEST_TITLE or not printable:
        raise InputError(
            f"{title!r} is not an AE title; it has 1 to {_LONGEST_TITLE} ASCII characters and no backslash."
        )
    return stripped
