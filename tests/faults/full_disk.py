"""A disk that fills up and is emptied again while the node runs."""

import os
import resource
import shutil
import subprocess
from pathlib import Path

from sdseg.demo.node import NodeProcess

_MOUNT = 'mount -t tmpfs -o size="$1" none "$2" && shift 2 && exec "$@"'


def can_mount() -> bool:
    """Whether this machine lets its users mount a small disk for one process (user namespaces)."""
    if shutil.which("unshare") is None:
        return False
    trial = subprocess.run(["unshare", "--user", "--map-root-user", "--mount", "mount", "-t", "tmpfs", "none", "/mnt"])
    return trial.returncode == 0


def on_small_disk(size: str, folder: Path) -> tuple[str, ...]:
    """What to put before a command so that `folder` is a disk of `size`, seen by it alone."""
    folder.mkdir(parents=True, exist_ok=True)
    return ("unshare", "--user", "--map-root-user", "--mount", "sh", "-c", _MOUNT, "sh", size, str(folder))


def seen_by(node: NodeProcess, path: Path) -> Path:
    """`path` as the running node sees it."""
    return Path(f"/proc/{node.pid}/root") / path.relative_to("/")


def fill(folder: Path) -> Path:
    """Take all the space that is left there; the file that takes it."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as stream:
        for size in (65_536, 1):
            try:
                while True:
                    stream.write(b"\1" * size)
            except OSError:
                continue
    return filler


def let_write(node: NodeProcess, allowed: bool) -> None:
    """Let every write of the running node fail (EFBIG), or succeed again: a full disk where none can be mounted."""
    assert node.pid is not None
    _, hard = resource.prlimit(node.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(node.pid, resource.RLIMIT_FSIZE, (hard if allowed else 0, hard))


def free_megabytes(folder: Path) -> float:
    """Of the disk that `folder` is on."""
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize / 1e6
