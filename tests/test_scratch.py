"""Temporary files: whose they are, and what becomes of those that a killed process left."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from sdseg.errors import InputError
from sdseg.own_folder import OwnFolder
from sdseg.scratch import new_scratch_file, new_scratch_folder, scratch_folder, sweep_scratch

_PROCESS = """
import sys
from sdseg.scratch import new_scratch_folder
print(new_scratch_folder(), flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.fixture
def others(tmp_path: Path) -> Iterator[list[tuple[subprocess.Popen[str], Path]]]:
    """Three other processes with a folder each."""
    command, given = [sys.executable, "-c", _PROCESS], {**os.environ, "TMPDIR": str(tmp_path)}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    started = [subprocess.Popen(command, env=given, **pipes) for _ in range(3)]  # type: ignore[call-overload]
    yield [(process, Path(process.stdout.readline().strip())) for process in started]
    for process in started:
        if process.poll() is None:
            process.communicate("\n", timeout=60)


def test_what_a_killed_process_left_is_swept_and_what_a_living_one_has_stays(
    temporary: Path, others: list[tuple[subprocess.Popen[str], Path]]
) -> None:
    (ended, _), (killed, _), (living, _) = others
    folders = [folder for _, folder in others]
    assert all(folder.is_dir() and folder.is_relative_to(temporary) for folder in folders)
    ended.communicate("\n", timeout=60)
    killed.send_signal(signal.SIGKILL)
    killed.wait(timeout=60)
    assert [folder.exists() for folder in folders] == [False, True, True]
    mine = new_scratch_folder()
    sweep_scratch()
    assert [folder.exists() for folder in [*folders, mine]] == [False, False, True, True]
    assert living.poll() is None


def test_nobody_else_may_look_in(temporary: Path) -> None:
    with scratch_folder() as folder:
        (folder / "image.nii").touch()
        for private in (folder, *folder.relative_to(temporary).parents):
            mode = (temporary / private).stat().st_mode & 0o077
            assert mode == 0 or temporary / private == temporary
    assert not folder.exists()
    file = new_scratch_file(".nii.gz")
    assert file.name.endswith(".nii.gz") and file.stat().st_size == 0 and file.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("trap", ["link", "other owner"])
def test_a_folder_that_another_made_first_is_refused(
    temporary: Path, monkeypatch: pytest.MonkeyPatch, trap: str
) -> None:
    place = temporary / f"sdseg-{os.getuid()}"
    if trap == "link":
        (temporary / "elsewhere").mkdir()
        place.symlink_to(temporary / "elsewhere")
    else:
        place.mkdir()
        stranger = os.getuid() + 1
        (temporary / f"sdseg-{stranger}").mkdir()
        monkeypatch.setattr(os, "getuid", lambda: stranger)
    with pytest.raises(InputError, match="TMPDIR"):
        new_scratch_folder()


def test_a_forked_process_leaves_its_parents_files_alone(temporary: Path) -> None:
    mine = new_scratch_folder()
    code = f"""
import os, sys, tempfile
tempfile.tempdir = {str(temporary)!r}
from sdseg.scratch import new_scratch_folder
parents = new_scratch_folder()
child = os.fork()
if child == 0:
    own = new_scratch_folder()
    sys.exit(0 if own.parent != parents.parent else 3)  # what is done at exit is done
_, status = os.waitpid(child, 0)
sys.exit(os.waitstatus_to_exitcode(status) or (0 if parents.is_dir() else 4))
"""
    assert subprocess.run([sys.executable, "-c", code], timeout=60, check=False).returncode == 0
    assert mine.is_dir()


def test_a_folder_that_was_cleared_away_is_made_anew(tmp_path: Path) -> None:
    own = OwnFolder(tmp_path / "root")
    first = own.path
    shutil.rmtree(tmp_path / "root")
    assert own.path != first
    assert own.path.is_dir()
