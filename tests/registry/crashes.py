"""Run by test_crashes.py: every operation of a registry, killed at each of its steps, or on a disk that is full.

A step is what Python tells its audit hooks before it opens a file to write, renames, removes or makes something.
"""

import contextlib
import os
import resource
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sdseg.errors import WeightsError
from sdseg.model.pointer import read_pointer
from sdseg.model.weights import weights_sha256
from sdseg.registry.registry import ModelRegistry

STEPS = ("os.rename", "os.remove", "os.mkdir", "os.rmdir")
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


class Workshop:
    """Registries in a folder, with three weights: the base, a champion, and new ones."""

    def __init__(self, home: Path, base: Path, champion: Path, new: Path) -> None:
        self.home, self.base, self.new = home, base, new
        self.first, self.second = weights_sha256(champion)[:16], weights_sha256(new)[:16]
        self.templates = {"add": home / "one", "else": home / "two"}
        for folder in self.templates.values():
            registry = ModelRegistry(folder, base)
            registry.promote(registry.add(champion, None, {}).name)
        ModelRegistry(home / "two", base).add(new, None, {})
        self.operations: dict[str, tuple[Callable[[ModelRegistry], object], str, str]] = {
            "add": (lambda registry: registry.add(new, None, {"steps": 1}), self.first, self.first),
            "promote": (lambda registry: registry.promote(self.second, "ann"), self.first, self.second),
            "rollback": (lambda registry: registry.rollback("ann"), self.first, "base"),
            "withdraw": (lambda registry: registry.withdraw(self.first, "ann"), self.first, "base"),
        }

    def fresh(self, operation: str) -> ModelRegistry:
        folder = self.home / "models"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.templates.get(operation, self.templates["else"]), folder)
        return ModelRegistry(folder, self.base)


def in_child(work: Callable[[], object]) -> int:
    """The wait status of a child that does it."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return os.waitpid(pid, 0)[1]


def die_at(step: int, below: Path) -> None:
    left = [step]

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        writes = event == "open" and bool((arguments[2] or 0) & WRITING)
        if (event in STEPS or writes) and str(below) in str(arguments[0]):
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


def check(registry: ModelRegistry, before: str, after: str, what: str) -> str:
    """Whatever happened: something whole is served, pointer and history agree, and the operation can be done again."""
    served = registry.served().name
    assert served in (before, after), (what, served)
    folder = registry.healthy()
    assert served == "base" or weights_sha256(folder).startswith(folder.name), what
    pointed = read_pointer(registry.models_dir) or "base"
    assert registry.champion().name == pointed == served, (what, pointed, served)
    assert not registry.state(), (what, registry.state())
    return served


def kill_everywhere(shop: Workshop, operation: str) -> int:
    act, before, after = shop.operations[operation]
    for step in range(1, 500):
        what = f"{operation} killed at step {step}"
        registry = shop.fresh(operation)

        def work(step: int = step, folder: Path = registry.models_dir) -> None:
            die_at(step, folder)
            act(ModelRegistry(folder, shop.base))

        status = in_child(work)
        served = check(registry, before, after, what)
        if os.WIFEXITED(status):
            assert os.WEXITSTATUS(status) == 0 and served == after, what
            return step - 1
        if served != after or operation in ("add", "withdraw"):
            act(registry)
        check(registry, after, after, f"{what}, done again")
        assert not list(registry.models_dir.glob(".*.part")) or operation != "add", what
        switches = [event["event"] for event in registry.history()]
        assert switches.count("added") >= 1, what
    raise AssertionError(f"{operation} never ended")


def fill_up_everywhere(shop: Workshop, operation: str) -> None:
    """No write of more than `size` bytes into a file succeeds (EFBIG), as on a disk that is full."""
    act, before, _ = shop.operations[operation]
    for size in (0, 4, 300):
        registry = shop.fresh(operation)
        history = registry.history()

        def work(size: int = size, folder: Path = registry.models_dir) -> None:
            _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
            try:
                act(ModelRegistry(folder, shop.base))
            except WeightsError as error:
                told = str(error)
                os._exit(7 if "\n" not in told and "what was served is served on" in told else 8)

        status = in_child(work)
        what = f"{operation} with files of at most {size} bytes"
        assert os.WEXITSTATUS(status) == 7, (what, os.WEXITSTATUS(status))
        assert registry.history() == history and check(registry, before, before, what) == before
        with contextlib.suppress(FileNotFoundError):
            assert not [path for path in registry.models_dir.rglob("*.part") if path.is_dir()], what
        act(registry)


if __name__ == "__main__":
    shop = Workshop(*map(Path, sys.argv[1:5]))
    for operation in shop.operations:
        print(operation, kill_everywhere(shop, operation))
        fill_up_everywhere(shop, operation)
