"""`sdseg watch` shows the work of a running server, with and without users."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from app.running_server import Image, Server, copy_sample, run_server

from sdseg.serving.token_file import new_token


@pytest.fixture(scope="module")
def token(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    file = tmp_path_factory.mktemp("tokens") / "tokens.yaml"
    return file, new_token(file, "annotator", "annotator", None)


@pytest.fixture(scope="module")
def guarded(
    tmp_path_factory: pytest.TempPathFactory, weights: Path, token: tuple[Path, str]
) -> Iterator[tuple[Server, str]]:
    """A server with users, and the token of one."""
    home = tmp_path_factory.mktemp("guarded")
    copy_sample(home / "studies" / "t1")
    file, secret = token
    for server in run_server(home, home / "studies", weights, {"tokens": str(file)}):
        yield server, secret


def watch(*arguments: str, token: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sdseg.cli.main", "watch", *arguments]
    environment = {**os.environ, "SDSEG_TOKEN": token}
    return subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment, check=False)


def test_who_runs_and_who_waits_is_told(guarded: tuple[Server, str], image: Image) -> None:
    server, token = guarded
    assert watch(server.url, "--once", token=token).stdout == "Nothing runs, and nobody waits.\n"
    headers = {"Authorization": f"Bearer {token}"}
    query = {"image": image.uid, "background": "true", "output": "uncertainty"}
    started = [
        requests.post(
            f"{server.url}/infer/sdseg",
            params=query,
            data={"params": f'{{"uncertainty": 100, "seed": {seed}}}'},
            headers=headers,
            timeout=60,
        )
        for seed in (1, 2)
    ]
    assert [answer.status_code for answer in started] == [202, 202]
    first, second = watch(server.url, "--once", token=token).stdout.splitlines()
    assert first.startswith(f"sdseg on {image.uid}: running") and "place 1 in the queue" in second
    jobs = [f"{server.url}/jobs/{answer.json()['id']}" for answer in started]
    for job in jobs:
        requests.delete(job, headers=headers, timeout=60)
    while not all(requests.get(job, headers=headers, timeout=60).json()["ended"] for job in jobs):
        time.sleep(0.05)  # a running one leaves at its next step


def test_it_watches_until_it_is_stopped(guarded: tuple[Server, str]) -> None:
    server, token = guarded
    command = [sys.executable, "-m", "sdseg.cli.main", "watch", server.url]
    environment = {**os.environ, "SDSEG_TOKEN": token, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "Nothing runs, and nobody waits.\n"
        running.kill()


def test_without_a_token_or_a_server_it_is_one_line(guarded: tuple[Server, str]) -> None:
    server, _ = guarded
    refused = watch(server.url, "--once")
    assert refused.returncode == 1
    assert refused.stderr == f"sdseg: The server {server.url} wants a token of its own: put one into SDSEG_TOKEN.\n"
    nobody = watch("http://127.0.0.1:9", "--once")
    assert (nobody.returncode, len(nobody.stderr.splitlines())) == (1, 1)
    assert "no server at http://127.0.0.1:9" in nobody.stderr
    assert "is no address of a server" in watch("example", "--once").stderr
