"""A run in this process with real worker processes: broken, unsuitable and double series, PACS in and out."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.batch_bench import BatchBench, results
from helpers.dicom_series import SeriesMaker, save_all
from helpers.orthanc import Orthanc, orthanc
from pydicom import dcmread

from sdseg.batch.crew import Crew
from sdseg.batch.hand import NoWorkersError
from sdseg.batch.home import Home
from sdseg.batch.journal import Journal
from sdseg.batch.maker import Equipment
from sdseg.batch.order import Order
from sdseg.batch.pool import Pool
from sdseg.batch.process_hand import ProcessHand
from sdseg.batch.record import Fate, Record
from sdseg.batch.run import Run
from sdseg.batch.sources import Sources
from sdseg.delivery.open import open_target
from sdseg.delivery.retry import Retries
from sdseg.engines.speed import PLAIN_SPEED


@pytest.fixture(scope="module")
def pool(weights: Path) -> Iterator[Pool]:
    """One worker for all tests here: it is what takes long to start."""
    with Crew(workers=1, threads=1, speed=PLAIN_SPEED).pool(weights) as made:
        yield made


def run(output: Path, weights: Path, pool: Pool, sources: Sources, send: str | None = None) -> list[Record]:
    home = Home(output)
    with home.opened():
        journal = Journal(home.journal)
        target = None if send is None else open_target(send)
        order = Order.of(weights, PLAIN_SPEED)
        made = Run(home, journal, order, target, Retries(times=0), mark=str(home.mark()))
        records = made.plan(sources.find())
        made.carry_out(records, pool)
        journal.close()
    return records


def test_what_is_wrong_with_one_series_does_not_touch_the_others(
    bench: BatchBench, tmp_path: Path, weights: Path, pool: Pool
) -> None:
    first, second = SeriesMaker(modality="MR", slices=3), SeriesMaker(modality="MR", slices=3)
    of_one_study = second.datasets()
    for number, dataset in enumerate(of_one_study):
        dataset.SeriesInstanceUID = second.uid("other series")
        dataset.SOPInstanceUID = second.uid("other", str(number))
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    save_all(first.datasets() + of_one_study, bench.archive / "two series of a study in one folder")
    gap = SeriesMaker(modality="MR", slices=6, name="gap").datasets()
    save_all([*gap[:2], *gap[3:]], bench.archive / "gap")
    cut = SeriesMaker(modality="MR", slices=3, name="cut")
    file = cut.save(bench.archive / "cut") / "IM_2.dcm"
    file.write_bytes(file.read_bytes()[:-200])
    damaged = SeriesMaker(modality="MR", slices=3, name="damaged")
    (damaged.save(bench.archive / "damaged") / "IM_3.dcm").write_bytes(b"\0" * 128 + b"DICM" + b"\1\2\3")
    bench.fill(1, "CT")

    records = run(tmp_path / "out", weights, pool, Sources((str(bench.archive),)))

    by_uid = {record.found.series_uid: record for record in records}
    assert len(by_uid) == len(records) == 6
    good = {str(first.uid("series")), str(second.uid("other series"))}
    assert {uid for uid, record in by_uid.items() if record.fate is Fate.DONE} == good == set(results(tmp_path / "out"))
    assert len({by_uid[uid].found.study_uid for uid in good}) == 1
    assert by_uid[str(SeriesMaker(name="CT 0").uid("series"))].fate is Fate.SKIPPED
    for maker in (SeriesMaker(name="gap"), cut, damaged):
        record = by_uid[str(maker.uid("series"))]
        assert record.fate is Fate.FAILED and record.attempts <= 1
        assert record.sentence.endswith(".") and "SECRET" not in record.sentence
    assert not list((tmp_path / "out" / ".sdseg-batch" / "work").glob("*.dcm"))


def test_a_series_that_grew_is_segmented_again(bench: BatchBench, tmp_path: Path, weights: Path, pool: Pool) -> None:
    datasets = SeriesMaker(modality="MR", slices=4).datasets()
    save_all(datasets[:3], bench.archive)
    sources = Sources((str(bench.archive),))
    (before,) = run(tmp_path / "out", weights, pool, sources)
    save_all(datasets, bench.archive)
    (after,) = run(tmp_path / "out", weights, pool, sources)
    assert (before.fate, after.fate) == (Fate.DONE, Fate.DONE)
    assert (before.slices, after.slices) == (3, 4)


def test_an_archive_is_asked_and_gets_the_results_once(
    bench: BatchBench, tmp_path: Path, weights: Path, pool: Pool
) -> None:
    wanted = SeriesMaker(modality="MR", slices=3, name="wanted")
    other = SeriesMaker(modality="MR", slices=3, name="other").datasets()
    for dataset in other:
        dataset.StudyDate = "20230102"
    save_all(other + wanted.datasets(), tmp_path / "images")
    with orthanc(tmp_path / "orthanc") as server:
        upload(server, tmp_path / "images")
        sources = Sources((), server.web, ("Modality=MR", "StudyDate=20240101-20240131"))
        (record,) = run(tmp_path / "out", weights, pool, sources, send=server.web)
        assert (record.fate, record.delivered) == (Fate.DONE, True)
        assert record.found.series_uid == wanted.uid("series")
        (content,) = results(tmp_path / "out").values()
        uid = dcmread(next((tmp_path / "out").glob("[0-9]*/*.dcm"))).SOPInstanceUID
        assert server.holds(uid)
        assert server.count() == 7

        # As though the driver had been killed after the archive had it and before this was noted.
        journal = tmp_path / "out" / ".sdseg-batch" / "journal.jsonl"
        lines = journal.read_text().splitlines(keepends=True)
        assert json.loads(lines[-1])["event"] == "delivered"
        journal.write_text("".join(lines[:-1]) + lines[-1][:20])
        (again,) = run(tmp_path / "out", weights, pool, sources, send=server.web)
        assert (again.fate, again.delivered) == (Fate.BEFORE, True)
        assert server.count() == 7
        assert list(results(tmp_path / "out").values()) == [content]

        listed = tmp_path / "list.txt"
        listed.write_text(f"# remark\n{wanted.uid('study')}\n{wanted.uid('nowhere')}\n")
        found = Sources((str(listed),), server.web).find()
        assert [item.series_uid for item in found if not item.trouble] == [wanted.uid("series")]
        assert next(item.trouble for item in found if item.trouble).startswith("Line 3 of list.txt")


def upload(server: Orthanc, folder: Path) -> None:
    target = open_target(server.web)
    for path in sorted(folder.iterdir()):
        target.deliver(path)


def test_workers_that_cannot_be_started_are_one_sentence(bench: BatchBench, tmp_path: Path, weights: Path) -> None:
    bench.fill(1)
    sources = Sources((str(bench.archive),))
    with Pool([ProcessHand(Equipment(threads=1, speed=PLAIN_SPEED), str(tmp_path / "no weights"))]) as pool:
        (record,) = run(tmp_path / "out", weights, pool, sources)
    assert record.fate is Fate.FAILED
    assert "no weights" in record.sentence and NoWorkersError.__name__ not in record.sentence
