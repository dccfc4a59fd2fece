"""`sdseg serve`: a real server, on a copy of the sample, bound to this machine."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import requests
from helpers.models import save_tiny_weights

from sdseg.cli.serve import copy_sample
from sdseg.serving.launch import free_port

SDSEG = Path(sys.executable).with_name("sdseg")


def test_the_sample_is_served_from_a_copy(tmp_path: Path) -> None:
    """And no temporary file outlasts it, nor one that was killed before it."""
    port, temporary = free_port(), tmp_path / "tmp"
    of_a_killed_one = temporary / f"sdseg-{os.getuid()}" / "own-killed"
    of_a_killed_one.mkdir(parents=True)
    conf = (f"weights={save_tiny_weights(tmp_path / 'tiny')}", f"model_dir={tmp_path / 'model'}")
    command = [SDSEG, "serve", "--port", str(port), "--conf", conf[0], "--conf", conf[1]]
    environment = {**os.environ, "TMPDIR": str(temporary)}
    with (tmp_path / "log").open("wb") as log:
        server = subprocess.Popen(
            command, cwd=tmp_path, env=environment, stdout=log, stderr=log, start_new_session=True
        )
    try:
        info = wait_for(f"http://127.0.0.1:{port}/info/", server)
        addresses = {c.laddr.ip for c in psutil.Process(server.pid).net_connections() if c.status == psutil.CONN_LISTEN}
        swept = not of_a_killed_one.exists()
        replied = infer(f"http://127.0.0.1:{port}")
        in_hand = list(of_a_killed_one.parent.glob("own-*/*/*"))
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(timeout=30)
    assert swept and replied.ok and in_hand
    assert not list(of_a_killed_one.parent.iterdir())
    assert server.returncode == 0
    assert info["datastore"]["total"] == 1
    assert addresses == {"127.0.0.1"}
    assert len(list((tmp_path / "sample-studies" / "source").iterdir())) == 64
    said = (tmp_path / "log").read_text()
    assert f"http://localhost:{port}" in said and "3D Slicer" in said
    assert "Traceback" not in said


def infer(url: str) -> requests.Response:
    (image,) = requests.get(f"{url}/datastore/?output=all", timeout=30).json()["objects"]
    return requests.post(f"{url}/infer/sdseg", params={"image": image, "output": "image"}, timeout=120)


def wait_for(url: str, server: subprocess.Popen[bytes]) -> dict:
    end = time.monotonic() + 90
    while time.monotonic() < end and server.poll() is None:
        try:
            return requests.get(url, timeout=5).json()
        except requests.RequestException:
            time.sleep(0.2)
    pytest.fail("the server did not answer")


def test_what_was_filed_beside_the_sample_stays(tmp_path: Path) -> None:
    folder = copy_sample(tmp_path / "studies")
    (folder / "SEG_1").mkdir()
    (folder / "SEG_1" / "a.dcm").write_text("a label")
    copy_sample(folder)
    assert (folder / "SEG_1" / "a.dcm").read_text() == "a label"
