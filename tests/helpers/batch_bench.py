"""An archive of small series, and `sdseg batch` on it as a process that can be killed."""

import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from pydicom import dcmread

from helpers.dicom_series import SeriesMaker
from helpers.forked import Program
from sdseg.batch.folder_source import find_in_folders
from sdseg.batch.job import Job, State
from sdseg.batch.maker import Equipment, Maker
from sdseg.engines.speed import PLAIN_SPEED

PATIENCE = 540.0


def await_true(condition: Callable[[], Any], what: str, driver: Program | None = None) -> None:
    """Look until it holds; `driver` is to run meanwhile."""
    until = time.monotonic() + PATIENCE
    while not condition():
        assert driver is None or driver.poll() is None, f"the driver ended before: {what}"
        assert time.monotonic() < until, f"never came true: {what}"
        time.sleep(0.01)


@dataclass
class BatchBench:
    """`root` holds archives and outputs."""

    root: Path
    weights: Path
    programs: list[Program] = field(default_factory=list)

    @property
    def archive(self) -> Path:
        return self.root / "archive"

    def fill(self, series: int, modality: str = "MR", slices: int = 3) -> list[str]:
        """Series, each of a study of its own, in folders named after patients; their UIDs."""
        makers = [SeriesMaker(slices=slices, modality=modality, name=f"{modality} {i}") for i in range(series)]
        for number, maker in enumerate(makers):
            maker.save(self.archive / f"SECRET^NAME {modality} {number}")
        return sorted(str(maker.uid("series")) for maker in makers)

    def start(self, output: Path, *options: str, sources: tuple[str, ...] | None = None, **env: str) -> Program:
        """`sdseg batch` on the archive with two workers of one thread each."""
        named = (str(self.archive),) if sources is None else sources
        fixed = ("-o", str(output), "--weights", str(self.weights), "--compute", "plain", "--threads", "1")
        log = self.root / f"{output.name}.log"
        program = Program(
            "sdseg.cli.main", ["batch", *named, *fixed, *options], log, env={**os.environ, **env}, session=True
        )
        self.programs.append(program)
        return program

    def finish(self, output: Path, *options: str, **more: Any) -> dict[str, Any]:
        """Run to the end; its report with its exit code and log."""
        code = self.start(output, *options, **more).wait(PATIENCE)
        log = (self.root / f"{output.name}.log").read_text()
        assert (output / "report.json").is_file(), log
        return {**json.loads((output / "report.json").read_text()), "code": code, "log": log}

    def made_undisturbed(self, output: Path) -> dict[str, bytes]:
        """What `results` is to be: the series of the archive, segmented in this process, one after the other.

        At the times that the journal of `output` planned: they and the sources give every UID and date.
        """
        planned = {}
        for line in (output / ".sdseg-batch" / "journal.jsonl").read_text().splitlines():
            entry = json.loads(line)
            if entry["event"] == "planned":
                assert entry["key"] not in planned, "planned twice"
                planned[entry["key"][:12]] = entry["at"]
        maker, made = Maker(Equipment(threads=1, speed=PLAIN_SPEED)), {}
        for found in find_in_folders([self.archive]):
            (path,) = output.glob(f"*/{found.series_uid}.*.dcm")
            target = self.root / "undisturbed.dcm"
            at = datetime.fromisoformat(planned[path.name.split(".")[-2]])
            job = Job(found.study_uid, found.series_uid, str(self.weights), str(target), at, found.files)
            outcome = maker.do(job)
            assert outcome.state is State.MADE, outcome
            made[found.series_uid] = target.read_bytes()
        return made

    def end(self) -> None:
        """Kill what still runs."""
        for program in self.programs:
            program.kill()


def results(output: Path) -> dict[str, bytes]:
    """Content of each SEG by the SeriesInstanceUID of its source; fails where there are two, or half a one."""
    found: dict[str, bytes] = {}
    for path in sorted(output.glob("[0-9]*/*")):
        assert path.suffix == ".dcm" and not path.name.startswith("."), path
        source = str(dcmread(path).ReferencedSeriesSequence[0].SeriesInstanceUID)
        assert source not in found, f"{source} was segmented twice"
        found[source] = path.read_bytes()
    return found


def fates(report: dict[str, Any]) -> dict[str, str]:
    """SeriesInstanceUID -> fate."""
    (table,) = (table for table in report["tables"] if table["key"] == "series")
    row = {name: number for number, name in enumerate(table["columns"])}
    return {each[row["SeriesInstanceUID"]]: each[row["fate"]] for each in table["rows"]}


def workers_of(pid: int) -> list[int]:
    """Worker processes of a driver: its grandchildren, forked from the process that holds the imports."""
    return [worker for child in children(pid) for worker in children(child)]


def is_alive(pid: int) -> bool:
    """Whether it runs; one that nobody has waited for yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def children(pid: int) -> list[int]:
    """Processes whose parent it is (/proc)."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:  # ended meanwhile
                continue
            if parent == pid:
                found.append(int(entry.name))
    return found
