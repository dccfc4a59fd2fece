"""The panel's login, by both clients: a token is the password, and one user's session is not another's."""

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from app.running_server import START_SECONDS, Image, copy_sample, end_group, server_environment, stock_command
from helpers.slicer_extension import Client, ServerError
from monailabel.client.client import MONAILabelClient, MONAILabelClientException

from sdseg.serving.launch import free_port
from sdseg.serving.token_file import new_token

REFUSED = (ServerError, MONAILabelClientException)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory, organs: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """Its address, and name -> token."""
    home = tmp_path_factory.mktemp("guarded")
    copy_sample(home / "studies" / "t1")
    tokens = {
        name: new_token(home / "tokens.yaml", name, role)
        for name, role in (("annotator-1", "annotator"), ("reader-1", "reader"))
    }
    port = free_port()
    conf = ["model_dir", str(home / "model"), "weights", str(organs), "tokens", str(home / "tokens.yaml")]
    with (home / "server.log").open("wb") as log:
        process = subprocess.Popen(
            stock_command(home / "studies", *conf, port=port),
            stdout=log,
            stderr=log,
            cwd=home,
            env=server_environment(home),
            start_new_session=True,
        )
    url, end = f"http://127.0.0.1:{port}", time.monotonic() + START_SECONDS
    try:
        while not _answers(url):
            assert process.poll() is None and time.monotonic() < end, (home / "server.log").read_text()
            time.sleep(0.2)
        yield url, tokens
    finally:
        end_group(process)


def _answers(url: str) -> bool:
    try:
        return requests.get(f"{url}/auth/", timeout=60).ok
    except requests.ConnectionError:
        return False


@pytest.mark.parametrize("kind", [MONAILabelClient, Client])
def test_login_and_sessions(guarded: tuple[str, dict[str, str]], image: Image, kind: type[Any], tmp_path: Path) -> None:
    """onLogin: auth_enabled, auth_token, update_auth; then as ever."""
    url, tokens = guarded

    def login(name: str) -> Any:
        client = kind(url, str(tmp_path), "user-xyz")
        assert client.auth_enabled() is True
        client.update_auth(client.auth_token(name, tokens[name]))
        return client

    with pytest.raises(REFUSED) as refused:
        kind(url, str(tmp_path)).info()
    assert "401" in str(getattr(refused.value, "msg", refused.value))
    with pytest.raises(REFUSED):
        kind(url, str(tmp_path)).auth_token("annotator-1", "guess")
    annotator = login("annotator-1")
    assert annotator.infer("sdseg", image.uid, {})[0]
    assert annotator.info()["models"], (
        "the wheel's client repeats the length of its last request; the server must not wait"
    )
    path = str(image.save(tmp_path / "volume.nii.gz"))
    session = login("annotator-1").create_session(path)["session_id"]  # a client for each call, as the panel does
    assert login("annotator-1").get_session(session)
    for what in ("get_session", "remove_session", "infer"):
        with pytest.raises(REFUSED) as refused:
            reader = login("reader-1")
            reader.infer("sdseg", "x", {}, session_id=session) if what == "infer" else getattr(reader, what)(session)
        assert "404" in str(getattr(refused.value, "msg", refused.value))
    with pytest.raises(REFUSED) as refused:
        login("reader-1").save_label(image.uid, path, params={"label_info": [{"name": "liver", "idx": 1}]})
    assert "403" in str(getattr(refused.value, "msg", refused.value))
