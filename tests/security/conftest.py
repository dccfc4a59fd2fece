"""Servers behind the real middleware, with and without authentication."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from helpers.models import save_tiny_weights
from security.light_server import light_app, serve
from security.provider import Provider, running_provider

from sdseg.serving.token_file import new_token
from sdseg_app.config.security import SecuritySettings


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights of the smallest size."""
    return save_tiny_weights(tmp_path_factory.mktemp("weights") / "brain-tiny")


@dataclass
class Light:
    """A running light server and what it wrote."""

    url: str
    audit: Path

    def ask(self, method: str, path: str, token: str = "", **others: Any) -> requests.Response:
        headers = {**({"Authorization": f"Bearer {token}"} if token else {}), **others.pop("headers", {})}
        return requests.request(
            method, f"{self.url}{path}", headers=headers, timeout=30, allow_redirects=False, **others
        )

    def entries(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.audit.read_text().splitlines()]


Start = Callable[..., Light]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """`start(tokens=...)`: a server with these settings; it ends with the test."""
    with ExitStack() as stack:

        def run(host: str = "127.0.0.1", reach: str = "", root_path: str = "", **settings: Any) -> Light:
            folder = tmp_path / f"server-{len(list(tmp_path.iterdir()))}"
            chosen = SecuritySettings.model_validate(settings).with_audit_log(folder)
            port = stack.enter_context(serve(light_app(chosen), host, root_path))
            assert chosen.audit_log is not None
            return Light(f"http://{reach or '127.0.0.1'}:{port}", chosen.audit_log)

        yield run


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    return tmp_path / "tokens.yaml"


@pytest.fixture
def tokens(token_file: Path) -> dict[str, str]:
    """Role -> a token of it."""
    return {role: new_token(token_file, f"the-{role}", role) for role in ("reader", "annotator", "admin")}


@pytest.fixture
def provider() -> Iterator[Provider]:
    with running_provider() as running:
        yield running
