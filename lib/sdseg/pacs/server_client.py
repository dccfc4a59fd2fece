"""dicomweb-client's DICOMwebClient, with the parts open that storing needs."""

from __future__ import annotations

import os
from urllib.parse import unquote, urlsplit

import requests
from dicomweb_client.api import DICOMwebClient
from requests.auth import HTTPBasicAuth

from sdseg.errors import InputError

# Seconds to connect, and between two packets of an answer: a busy archive may think for a while.
TIMEOUT = (10.0, 120.0)


class ServerClient(DICOMwebClient):
    """A DICOMweb server; `base_url` holds no credentials. Nothing is asked on opening.

    dicomweb-client searches and retrieves. Storing is ours (`stow.py`): dicomweb-client (0.61.2) holds an object
    four times in memory, sends an empty body when it tries again, and drops the answer of a refusal.
    """

    def __init__(self, url: str, session: requests.Session, timeout: tuple[float, float], attempts: int) -> None:
        super().__init__(
            url=url,
            session=session,
            timeout=timeout,
            qido_url_prefix=os.environ.get("MONAI_LABEL_QIDO_PREFIX") or None,
            wado_url_prefix=os.environ.get("MONAI_LABEL_WADO_PREFIX") or None,
            stow_url_prefix=os.environ.get("MONAI_LABEL_STOW_PREFIX") or None,
        )
        self.host = urlsplit(url).netloc  # the Host header of its requests, which lacked the port
        self.session = session
        self.timeout = timeout
        self.set_http_retry_params(retry=attempts > 1, max_attempts=attempts, wait_exponential_multiplier=250)

    @property
    def store_url(self) -> str:
        """Where objects are posted (PS3.18 10.5)."""
        prefix = f"/{self.stow_url_prefix}" if self.stow_url_prefix else ""
        return f"{self.base_url}{prefix}/studies"


def connect(
    url: str,
    session: requests.Session | None = None,
    timeout: tuple[float, float] = TIMEOUT,
    attempts: int = 1,
) -> ServerClient:
    """A client for the DICOMweb server at `url`, with the credentials and certificates of `session`.

    User and password in the URL go before those of the session. `attempts` of a search or retrieval, each within the
    timeout; who delivers has pauses of his own. Raises InputError: malformed address.
    """
    session = requests.Session() if session is None else session
    # The address as it is shown in messages and logs: without the login.
    scheme, _, rest = url.partition("://")
    authority, slash, path = rest.partition("/")
    if "@" in path:
        raise InputError("A login in an address must not hold a plain / or @: give it by SDSEG_DICOMWEB_* instead.")
    shown = f"{scheme.lower()}://{authority.rpartition('@')[2]}{slash}{path}".rstrip("/")
    try:
        parts = urlsplit(url)
        if not parts.hostname or parts.port == 0 or parts.query or parts.fragment:
            raise ValueError
        if parts.username:
            # As bytes: requests would encode text as Latin-1, and quote what it cannot encode.
            session.auth = HTTPBasicAuth(unquote(parts.username).encode(), unquote(parts.password or "").encode())
        return ServerClient(shown, session, timeout, attempts)
    except ValueError:
        raise InputError(
            f"{shown.partition('?')[0]} is not a DICOMweb address; it should look like http://host:port/dicom-web."
        ) from None
