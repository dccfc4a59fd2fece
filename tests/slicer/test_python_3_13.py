"""Clients without `cgi`, which Python 3.13 no longer has."""

import ast
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from app.running_server import Server
from helpers import slicer_extension
from helpers.slicer_bench import ORGANS

SCRIPT = Path(slicer_extension.__file__)
# "dead batteries", PEP 594
GONE = frozenset(
    {"aifc", "audioop", "cgi", "cgitb", "chunk", "crypt", "imghdr", "lib2to3", "mailcap", "msilib", "nis", "nntplib"}
    | {"ossaudiodev", "pipes", "sndhdr", "spwd", "sunau", "telnetlib", "uu", "xdrlib"}
)


def python_3_13() -> str | None:
    """A Python of 3.13 or later that runs; a shim of pyenv may lie in the path and know none."""
    found = [shutil.which(f"python3.{minor}") for minor in (14, 13)]
    found += [str(path) for path in (Path.home() / ".pyenv" / "versions").glob("3.1[3-9]*/bin/python3")]
    for path in filter(None, found):
        if subprocess.run([path, "-c", "import sys"], capture_output=True, check=False).returncode == 0:
            return path
    return None


def visit(server: Server, folder: Path, *python: str) -> None:
    command = [*python, str(SCRIPT), server.url, str(folder)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout)
    assert found["labels"] == list(ORGANS)
    assert Path(found["file"]).stat().st_size > 0
    assert found["running"] is False


def test_the_replay_imports_nothing_that_is_gone() -> None:
    tree = ast.parse(SCRIPT.read_text())
    names = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    roots = {name.split(".")[0] for name in names}
    assert roots <= sys.stdlib_module_names
    assert not roots & GONE


def test_it_needs_no_package(server: Server, tmp_path: Path) -> None:
    """Isolated from every installed package; what will be gone warns, and a warning ends it."""
    visit(server, tmp_path, sys.executable, "-I", "-S", "-W", "error::DeprecationWarning")


def test_it_runs_under_python_3_13(server: Server, tmp_path: Path) -> None:
    python = python_3_13()
    if python is None:
        pytest.skip("there is no Python 3.13 or later on this machine")
    visit(server, tmp_path, python, "-I", "-S")


def test_several_labels_come_in_the_same_order(server: Server, tmp_path: Path) -> None:
    client = slicer_extension.Client(server.url, str(tmp_path))
    (image,) = server.get("/datastore/", output="all").json()["objects"]
    _, told = client.infer("sdseg", image, {})
    assert list(told["label_names"]) == list(ORGANS)
