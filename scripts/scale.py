"""What a study costs here by stage, and what 1, 10 and 1,000 studies a minute need: the tables of docs/scale.md.

.venv/bin/python scripts/scale.py --weights WEIGHTS --series FOLDER --threads 2 --slices 100
"""

from __future__ import annotations

import argparse
import resource
import statistics
import tempfile
from datetime import datetime
from pathlib import Path

from sdseg.quick_start import leave_out_extras

leave_out_extras()

from sdseg.batch.folder_source import find_in_folders  # noqa: E402
from sdseg.batch.job import Job, State  # noqa: E402
from sdseg.batch.maker import Equipment, Maker  # noqa: E402
from sdseg.batch.scale import Cost, Need, need  # noqa: E402
from sdseg.engines.speed import Speed  # noqa: E402
from sdseg.evaluation.as_markdown import markdown_table  # noqa: E402
from sdseg.evaluation.report import Cell, Table  # noqa: E402

SAMPLE = Path(__file__).resolve().parents[1] / "sample-data"
RATES = (1, 10, 1000)
LOADING = "load the model"


def measure(weights: Path, series: Path, threads: int, compute: str, rounds: int) -> Cost:
    """Medians over `rounds` of the very worker of `sdseg batch`, after one round that warms up."""
    (found,) = find_in_folders([series])
    maker = Maker(Equipment(threads=threads, speed=Speed(compute)))
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "seg.dcm"
        files = found.files
        job = Job(found.study_uid, found.series_uid, str(weights), str(output), datetime.now(), files)
        outcomes = [maker.do(job) for _ in range(rounds + 1)][1:]
        for outcome in outcomes:
            if outcome.state is not State.MADE:
                raise SystemExit(outcome.sentence)
        seg_bytes = output.stat().st_size
    stages = [stage for stage in outcomes[0].seconds if stage != LOADING]
    seconds = {stage: statistics.median(outcome.seconds[stage] for outcome in outcomes) for stage in stages}
    source = sum(Path(path).stat().st_size for path, _ in files)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return Cost(seconds, threads, outcomes[0].slices, source, seg_bytes, memory)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", type=Path, default=SAMPLE / "weights" / "brain-small")
    parser.add_argument("--series", type=Path, default=SAMPLE / "dicom", help="folder of one series")
    parser.add_argument("--slices", type=int, default=100, help="of the study to work out")
    parser.add_argument("--threads", type=int, default=1, help="cores of a worker")
    parser.add_argument("--compute", default="auto", help="engine of inference")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--load", type=float, default=0.7, help="share of the time that anything may be busy")
    parser.add_argument("--gpu-slices", type=float, help="slices a second of one GPU, from sdseg bench on it")
    told = parser.parse_args()
    measured = measure(told.weights, told.series, told.threads, told.compute, told.rounds)
    cost = measured.of_slices(told.slices)
    print(markdown_table(stages_of(measured, cost)))
    needs = [need(cost, rate, told.load, told.gpu_slices) for rate in RATES]
    print(markdown_table(needs_of(needs)))


def stages_of(measured: Cost, cost: Cost) -> Table:
    """Seconds of a worker by stage, as measured and for the study asked for."""
    heading = (f"measured, {measured.slices} slices", f"worked out, {cost.slices} slices")
    rows: list[tuple[Cell, ...]] = [(name, value, cost.seconds[name]) for name, value in measured.seconds.items()]
    rows.append(("all", sum(measured.seconds.values()), sum(cost.seconds.values())))
    rows.append(("source, MB", measured.source_bytes / 1e6, cost.source_bytes / 1e6))
    rows.append(("SEG, MB", measured.seg_bytes / 1e6, cost.seg_bytes / 1e6))
    rows.append(("worker's memory, GB", measured.memory_bytes / 1e9, cost.memory_bytes / 1e9))
    title = f"Seconds of a worker of {measured.threads} cores"
    return Table("stages", title, ("stage", *heading), tuple(rows))


def needs_of(needs: list[Need]) -> Table:
    """One column a rate."""
    lines: dict[str, list[Cell]] = {
        "workers (CPU)": [one.workers for one in needs],
        "cores (CPU)": [one.cores for one in needs],
        "memory, GB": [one.memory_bytes / 1e9 for one in needs],
        "or GPUs": [one.gpus for one in needs],
        "with cores": [one.cores_beside_gpus for one in needs],
        "read from the archive, Mbit/s": [one.read_bits / 1e6 for one in needs],
        "written to the archive, Mbit/s": [one.written_bits / 1e6 for one in needs],
        "instances a second given out": [one.instances for one in needs],
        "SEGs stored a day, GB": [one.stored_bytes / 1e9 for one in needs],
    }
    rows = tuple((name, *values) for name, values in lines.items())
    return Table("needs", "What it takes", ("studies a minute", *map(str, RATES)), rows)


if __name__ == "__main__":
    main()
