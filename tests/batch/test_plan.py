"""What is found and noted, without any model."""

from pathlib import Path

import pytest
from helpers.dicom_series import SeriesMaker

from sdseg.batch.cores import default_workers, threads_of
from sdseg.batch.home import Home
from sdseg.batch.journal import Entry, Journal
from sdseg.batch.order import Order
from sdseg.batch.scale import MODEL, Cost, need
from sdseg.batch.sources import Sources
from sdseg.engines.speed import PLAIN_SPEED, Speed
from sdseg.errors import InputError, SdsegError


def test_a_torn_line_of_the_journal_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    journal = Journal(path)
    journal.add(Entry("one", "planned", "2026-01-01T00:00:00"))
    journal.add(Entry("two", "planned", "2026-01-01T00:00:01"))
    journal.close()
    path.write_bytes(path.read_bytes()[:-5])
    again = Journal(path)
    assert again.last("one", "planned") and again.last("two", "planned") is None
    again.add(Entry("three", "planned", "2026-01-01T00:00:02"))
    again.close()
    assert Journal(path).last("three", "planned")


def test_a_journal_with_another_line_in_it_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_text("nonsense\n")
    with pytest.raises(InputError, match="damaged"):
        Journal(path)


def test_one_run_a_folder(tmp_path: Path) -> None:
    with Home(tmp_path).opened(), pytest.raises(InputError, match="Another run"), Home(tmp_path).opened():
        pass
    with Home(tmp_path).opened():
        pass


def test_the_key_follows_what_can_change_a_mask(tmp_path: Path) -> None:
    SeriesMaker(modality="MR").save(tmp_path / "here")
    SeriesMaker(modality="MR").save(tmp_path / "there")
    (here,), (there,) = (Sources((str(tmp_path / name),)).find() for name in ("here", "there"))
    order = Order(tmp_path, "weights", ("MR",), PLAIN_SPEED)
    key = order.key(here)
    assert order.key(there) == key, "it does not follow the place of the files"
    assert Order(tmp_path, "weights", ("MR",), Speed("torch-bf16")).key(here) == key
    for other in (
        Order(tmp_path, "others", ("MR",), PLAIN_SPEED),
        Order(tmp_path, "weights", ("MR",), PLAIN_SPEED, seed=1),
        Order(tmp_path, "weights", ("MR",), Speed("plain", decoder="lite")),
        Order(tmp_path, "weights", ("MR",), Speed("openvino-int8")),
    ):
        assert other.key(here) != key
    assert len(Sources((str(tmp_path),)).find()) == 1, "the same series in two folders is one"


def test_a_list_names_folders_beside_it_and_uids_of_an_archive(tmp_path: Path) -> None:
    maker, other = SeriesMaker(name="one"), SeriesMaker(name="two")
    maker.save(tmp_path / "one")
    other.save(tmp_path / "archive" / "two")
    listed = tmp_path / "list.txt"
    listed.write_text(f"one\n\n{other.uid('study')}\nnowhere\n")
    found = Sources((str(listed),), str(tmp_path / "archive")).find()
    assert {item.series_uid for item in found if not item.trouble} == {maker.uid("series"), other.uid("series")}
    assert [item.trouble for item in found if item.trouble] == [
        "Line 4 of list.txt is neither a folder nor a UID: correct it."
    ]
    with pytest.raises(InputError, match="--studies"):
        Sources((str(listed),)).find()


@pytest.mark.parametrize("query", ["Modality", "Modality=", "NoSuchKeyword=1", "StudyDate=yesterday", "=x"])
def test_a_query_that_is_none(query: str) -> None:
    with pytest.raises(SdsegError) as refusal:
        Sources(("http://localhost/dicom-web",), query=(query,))
    assert str(refusal.value).endswith(".")


def test_nothing_named_or_nothing_there(tmp_path: Path) -> None:
    for make in (
        lambda: Sources(()),
        lambda: Sources((str(tmp_path),), query=("Modality=MR",)),
        lambda: Sources((str(tmp_path),)).find(),
        lambda: Sources((str(tmp_path / "missing"),)).find(),
    ):
        with pytest.raises(InputError):
            make()


def test_workers_follow_cores_and_memory(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"\0" * 1_000_000)
    assert [default_workers(tmp_path, cores, 10**12) for cores in (1, 2, 8, 64)] == [1, 1, 2, 16]
    assert default_workers(tmp_path, 64, 6 * 10**9) == 3
    assert default_workers(tmp_path, 64, 0) == 1
    assert [threads_of(workers, None, 16) for workers in (1, 4, 32)] == [16, 4, 1]


def test_what_a_rate_needs() -> None:
    cost = Cost(
        {"gather": 2.0, MODEL: 10.0}, 4, slices=50, source_bytes=25_000_000, seg_bytes=500_000, memory_bytes=10**9
    )
    twice = cost.of_slices(100)
    assert dict(twice.seconds) == {"gather": 4.0, MODEL: 20.0} and twice.memory_bytes == 10**9
    found = need(twice, 60, load=0.5, gpu_slices_a_second=400)
    assert (found.workers, found.cores, found.memory_bytes) == (48, 192, 48 * 10**9)
    assert (found.gpus, found.cores_beside_gpus) == (1, 32)
    assert (found.read_bits, found.written_bits, found.instances) == (400e6, 8e6, 100)
    assert found.stored_bytes == pytest.approx(86_400e6)
    assert need(cost, 1).gpus is None
