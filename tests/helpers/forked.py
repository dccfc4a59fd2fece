"""Python programs in processes of their own, forked from one that holds the large imports: seconds less for each.

The process they come from imports and does nothing else: no thread, no tensor, nothing read from the environment that a
program could want otherwise. Whatever the start of a program is itself the matter of a test is started from its file.
"""

import atexit
import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

_MODULES = ["sdseg.inference.segmenter", "sdseg.dicom.seg_writer", "monai.engines", "accelerate", "fastapi", "uvicorn"]
_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(_MODULES)


class Program:
    """`python -m module arguments`, running; what it does is what `subprocess.Popen` does.

    Args:
        module, arguments: the command line.
        log: for both its outputs, or one each.
        session: whether it leads a session, and with it a process group, of its own.
    """

    def __init__(
        self,
        module: str,
        arguments: Sequence[str],
        log: Path | tuple[Path, Path],
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        session: bool = False,
    ) -> None:
        outputs = log if isinstance(log, tuple) else (log, log)
        self.args = [module, *arguments]
        given = dict(os.environ if env is None else env)
        self._process = _CONTEXT.Process(target=_run, args=(module, list(arguments), outputs, cwd, given, session))
        self._process.start()
        assert self._process.pid is not None
        self.pid = self._process.pid

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """Raises subprocess.TimeoutExpired."""
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def run_program(
    module: str, *arguments: str, cwd: Path | None = None, env: Mapping[str, str] | None = None, timeout: float = 300
) -> subprocess.CompletedProcess[str]:
    """As `subprocess.run` with captured text. Raises subprocess.TimeoutExpired."""
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder) / "out", Path(folder) / "err"
        program = Program(module, arguments, (out, err), cwd, env)
        try:
            code = program.wait(timeout)
        finally:
            program.kill()
        return subprocess.CompletedProcess([module, *arguments], code, out.read_text(), err.read_text())


def _run(
    module: str,
    arguments: list[str],
    outputs: tuple[Path, Path],
    cwd: Path | None,
    env: dict[str, str],
    session: bool,
) -> None:
    if session:
        os.setsid()
    for path, number in zip(outputs, (1, 2), strict=True):
        opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        os.dup2(opened, number)
        os.close(opened)
    os.environ.clear()
    os.environ.update(env)
    os.chdir(cwd or Path.cwd())
    sys.argv = [module, *arguments]
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    finally:
        sys.stdout.flush()
        atexit._run_exitfuncs()
