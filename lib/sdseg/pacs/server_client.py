"""dicomweb-client's DICOMwebClient, with the parts open that storing needs."""

from __future__ import annotations

import os
from urllib.parse import quote, unquote, urlsplit

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

    def __init__(self, url: str, session: requests.Session, timeout: tuple[float, float] = TIMEOUT) -> None:
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
        self.set_http_retry_params(retry=True, max_attempts=3, wait_exponential_multiplier=250)

    @property
    def store_url(self) -> str:
        """Where objects are posted (PS3.18 10.5)."""
        prefix = f"/{self.stow_url_prefix}" if self.stow_url_prefix else ""
        return f"{self.base_url}{prefix}/studies"


def connect(url: str, session: requests.Session | None = None, timeout: tuple[float, float] = TIMEOUT) -> ServerClient:
    """A client for the DICOMweb server at `url`, with the credentials and certificates of `session`.

    User and password in the URL go before those of the session. Raises InputError: malformed address.
    """
    shown = without_login(url)
    parts = urlsplit(url)
    session = requests.Session() if session is None else session
    if parts.username:
        # As bytes: requests would encode text as Latin-1, and quote what it cannot encode.
        session.auth = HTTPBasicAuth(unquote(parts.username).encode(), unquote(parts.password or "").encode())
    try:
        return ServerClient(shown, session, timeout)
    except ValueError:
        raise InputError(
            f"{quote(shown, safe=':/?=&%[]')} is not a DICOMweb address; "
            "it should look like http://host:port/dicom-web."
        ) from None


def without_login(url: str) -> str:
    """The address as it is shown in messages and logs."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl().rstrip("/")
