"""What a running server tells of its work: GET /jobs/ and its Server-Sent Events."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import requests

from sdseg.errors import DeliveryError, InputError, RefusedError

_CONNECT, _SILENCE = 10.0, 60.0  # seconds; a stream says something more often
_EVENT = b"data:"


def jobs_now(url: str, token: str = "") -> dict[str, Any]:
    """{"running", "waiting", "recent", "training"}, see docs/server.md. Raises InputError, DeliveryError."""
    with _ask(url, "/jobs/", token, stream=False) as answer:
        return dict(answer.json())


def jobs_events(url: str, token: str = "") -> Iterator[dict[str, Any]]:
    """The same at once and at every change, until the server ends. Raises InputError, DeliveryError."""
    with _ask(url, "/jobs/events", token, stream=True) as answer:
        try:
            for line in answer.iter_lines():
                if line.startswith(_EVENT):
                    yield dict(json.loads(line[len(_EVENT) :]))
        except requests.RequestException as error:
            raise DeliveryError(f"The server {url} went away; start it again.") from error


def _ask(url: str, path: str, token: str, stream: bool) -> requests.Response:
    """An answer below 400. Raises RefusedError: the token is missing or wrong; DeliveryError: no such server."""
    if not url.startswith(("http://", "https://")):
        raise InputError(f"{url!r} is no address of a server; it should look like http://127.0.0.1:8000.")
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        answer = requests.get(f"{url.rstrip('/')}{path}", headers=headers, stream=stream, timeout=(_CONNECT, _SILENCE))
    except requests.RequestException as error:
        raise DeliveryError(f"There is no server at {url}; check the address, or start it: sdseg serve.") from error
    if answer.status_code in (401, 403):
        raise RefusedError(f"The server {url} wants a token of its own: put one into SDSEG_TOKEN.")
    if not answer.ok or ("json" not in answer.headers.get("Content-Type", "") and not stream):
        raise DeliveryError(f"{url} answered {answer.status_code}, and not as a server of SDSeg does.")
    return answer
