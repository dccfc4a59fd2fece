"""Turns of processes on one device: real processes, real locks."""

import fcntl
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from sdseg.jobs.turns import DeviceTurns

SECONDS = 30
TRAINING = """
import sys
from pathlib import Path
from sdseg.jobs.turns import DeviceTurns
def say(word):
    print(word, flush=True)
with DeviceTurns(Path(sys.argv[1]), "cuda:0").background() as turn:
    turn.give_way()
    say("holds")
    for line in sys.stdin:
        turn.give_way(lambda: say("waiting"))
        say("stepped")
"""


class Training:
    """A process that goes a step at a line; it says "waiting" when it lets somebody go first."""

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", TRAINING, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def step(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("step\n")
        self.process.stdin.flush()

    def says(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()


@pytest.fixture
def training(tmp_path: Path) -> Iterator[Training]:
    process = Training(tmp_path)
    assert process.says() == "holds"
    yield process
    process.process.kill()
    process.process.communicate(timeout=SECONDS)


class Inference(threading.Thread):
    """Takes the device until it is told to end."""

    def __init__(self, turns: DeviceTurns) -> None:
        super().__init__(daemon=True)
        self._turns = turns
        self.has_it, self.end = threading.Event(), threading.Event()

    def run(self) -> None:
        with self._turns.foreground():
            self.has_it.set()
            self.end.wait(SECONDS)


def test_a_training_pauses_between_two_steps_while_an_inference_runs(tmp_path: Path, training: Training) -> None:
    training.step()
    assert training.says() == "stepped"  # nobody wants the device
    inference = Inference(DeviceTurns(tmp_path, "cuda:0"))
    inference.start()
    while not _is_wanted(tmp_path):
        pass
    assert not inference.has_it.is_set(), "a step is not torn"
    training.step()
    assert training.says() == "waiting"
    assert inference.has_it.wait(SECONDS), "one step was all it had to wait"
    assert not _is_free(tmp_path / "cuda-0.taken")
    inference.end.set()
    assert training.says() == "stepped"
    inference.join(SECONDS)
    assert not _is_free(tmp_path / "cuda-0.taken"), "the training holds the device again"


def test_a_killed_training_frees_its_turn(tmp_path: Path, training: Training) -> None:
    inference = Inference(DeviceTurns(tmp_path, "cuda:0"))
    inference.start()
    while not _is_wanted(tmp_path):
        pass
    assert not inference.has_it.is_set()
    training.process.kill()
    assert inference.has_it.wait(SECONDS)
    inference.end.set()


def test_another_device_is_not_waited_for(tmp_path: Path, training: Training) -> None:
    with DeviceTurns(tmp_path, "cpu").foreground():
        assert not _is_free(tmp_path / "cpu.taken")


def test_work_that_nobody_waits_for_lets_others_go_first(tmp_path: Path) -> None:
    """Two objects have locks of their own, as two processes have."""
    inference = Inference(DeviceTurns(tmp_path, "cpu"))
    with DeviceTurns(tmp_path, "cpu").foreground() as turn:
        inference.start()
        assert not inference.has_it.wait(0.1)
        inference.end.set()
        while not inference.has_it.is_set():
            turn.share()
        inference.join(SECONDS)


def _is_wanted(folder: Path) -> bool:
    return not _is_free(folder / "cuda-0.wanted")


def _is_free(lock: Path) -> bool:
    with lock.open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def test_what_is_done_while_idle_never_waits_and_everybody_goes_first(tmp_path: Path, training: Training) -> None:
    turns = DeviceTurns(tmp_path, "cuda:0")
    with turns.idle() as idle:
        assert not idle.take(), "a training holds it"
        training.process.kill()
        training.process.wait()
        assert idle.take()
        inference = Inference(turns)
        inference.start()
        while not _is_wanted(tmp_path):
            pass
        assert not inference.has_it.is_set(), "a step is not torn"
        idle.let_go()
        assert inference.has_it.wait(SECONDS)
        assert not idle.take(), "an inference has it"
        inference.end.set()
        inference.join(SECONDS)
        assert idle.take()


def test_what_is_done_while_idle_does_not_begin_while_somebody_wants_the_device(tmp_path: Path) -> None:
    turns = DeviceTurns(tmp_path, "cuda:0")
    with turns.foreground(), turns.idle() as idle:
        assert not idle.take()
