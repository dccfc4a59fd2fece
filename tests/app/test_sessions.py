"""The store of sessions by itself: owners, expiry, and what a dead server leaves."""

import subprocess
import sys
from pathlib import Path

import pytest

from sdseg.errors import InputError, UnknownNameError
from sdseg_app.sessions.store import SessionStore, session_image


def fill(folder: Path) -> Path:
    path = folder / "image.nii"
    path.write_bytes(b"x")
    return path


def test_a_session_exists_for_its_owner_alone(tmp_path: Path) -> None:
    store = SessionStore(tmp_path)
    mine, yours = store.add("ann", fill), store.add("bob", fill)
    assert mine.id != yours.id
    assert session_image(store, mine.id, "ann") == mine.image
    for owner, other in (("bob", mine), ("ann", yours), ("", mine)):
        with pytest.raises(UnknownNameError, match="no session"):
            session_image(store, other.id, owner)
        with pytest.raises(UnknownNameError, match="no session"):
            store.remove(other.id, owner)
    store.remove(yours.id, "bob")
    assert mine.image.exists()
    assert not yours.image.parent.exists()


def test_an_expiry_is_never_longer_than_the_servers(tmp_path: Path) -> None:
    store = SessionStore(tmp_path, longest=100)
    assert [store.add("ann", fill, expiry).expiry for expiry in (0, 7, 10**9)] == [100, 7, 100]


def test_using_a_session_puts_its_end_off_and_asking_does_not(tmp_path: Path) -> None:
    store = SessionStore(tmp_path)
    session = store.add("ann", fill)
    assert store.get(session.id, "ann", use=False).used == session.used
    assert store.get(session.id, "ann").used > session.used


def test_what_failed_leaves_nothing(tmp_path: Path) -> None:
    def fail(folder: Path) -> Path:
        fill(folder)
        raise InputError("no image.")

    store = SessionStore(tmp_path)
    with pytest.raises(InputError):
        store.add("ann", fail)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_without_a_session_nothing_is_on_the_disk(tmp_path: Path) -> None:
    assert SessionStore(tmp_path / "none").remove_expired() == 0
    assert not (tmp_path / "none").exists()


def test_switched_off_is_told() -> None:
    with pytest.raises(InputError, match="switched off"):
        session_image(None, "x", "ann")


_SERVER = """
import sys, pathlib
from sdseg_app.sessions.store import SessionStore
store = SessionStore(pathlib.Path(sys.argv[1]))
session = store.add("ann", lambda folder: (folder / "image.nii").write_bytes(b"x") and folder / "image.nii")
print(session.image, flush=True)
sys.stdin.readline()
"""


def test_a_killed_servers_sessions_go_and_a_living_ones_stay(tmp_path: Path) -> None:
    servers = [
        subprocess.Popen(
            [sys.executable, "-c", _SERVER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]
    images = [Path(server.stdout.readline().strip()) for server in servers if server.stdout]
    ended, killed, living = servers
    ended.communicate("\n", timeout=60)
    killed.kill()
    killed.wait(timeout=60)
    assert [image.exists() for image in images] == [False, True, True], "a server that ends well tidies up itself"
    store = SessionStore(tmp_path)
    own = store.add("ann", fill)
    store.remove_expired()
    assert [image.exists() for image in [*images, own.image]] == [False, False, True, True]
    living.communicate("\n", timeout=60)
