"""Scoring in the background: all images, once, and never in anybody's way."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from helpers.models import save_tiny_weights
from selection.bench import archive_of, label, local_of, save_study, selection_on, series_of

from sdseg.jobs.job import Asked, Job
from sdseg.jobs.queue import JobQueue
from sdseg.selection import score_image
from sdseg_app.jobs.lanes import Devices
from sdseg_app.jobs.quiet import Quiet
from sdseg_app.labels.uncertainty import uncertainty_of
from sdseg_app.selection import image_scorer
from sdseg_app.selection import scorer as module
from sdseg_app.selection.pool import Candidate, Pool, pool_of
from sdseg_app.selection.score_book import Entry
from sdseg_app.selection.scorer import BackgroundScorer, todo
from sdseg_app.selection.selection import Selection
from sdseg_app.stores.datastore import ArchiveDatastore


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_IDLE", 0.05)
    monkeypatch.setattr(module, "_TICK", 0.02)
    monkeypatch.setattr(module, "_AGAIN", 0.1)
    monkeypatch.setattr(image_scorer, "_PAUSE", 0.02)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_weights(tmp_path_factory.mktemp("weights") / "tiny")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "studies"


@pytest.fixture
def images(folder: Path) -> list[str]:
    return [series_of(save_study(folder, name)) for name in "abc"]


@pytest.fixture
def store(folder: Path, images: list[str], tmp_path: Path) -> ArchiveDatastore:
    return archive_of(folder, tmp_path / "home")


@pytest.fixture
def queue() -> Iterator[JobQueue]:
    queue = JobQueue(4)
    yield queue
    queue.close()


@pytest.fixture
def sharing() -> str:
    return "turns"


@pytest.fixture
def devices(sharing: str, tmp_path: Path) -> Devices:
    return Devices(tmp_path / "turns", sharing == "turns", True)


@pytest.fixture
def start(queue: JobQueue, devices: Devices) -> Iterator[Callable[[Selection], BackgroundScorer]]:
    running: list[BackgroundScorer] = []

    def begin(selection: Selection) -> BackgroundScorer:
        running.append(BackgroundScorer(selection, lambda: pool_of(selection.store), devices, Quiet(queue)))
        running[-1].start()
        return running[-1]

    yield begin
    for one in running:
        one.stop()


def wait_for(condition: Callable[[], object], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def scored(selection: Selection) -> dict[str, Entry]:
    return selection.scores.of(selection.model.segmenters.sha256())


Start = Callable[[Selection], BackgroundScorer]


def test_every_image_gets_the_score_of_the_library_and_the_list_tells_it(
    store: ArchiveDatastore, images: list[str], weights: Path, start: Start
) -> None:
    selection = selection_on(store, weights)
    label(store, images[2])
    start(selection)
    wait_for(lambda: scored(selection).keys() == set(images))
    found = scored(selection)
    for image in images[:2]:
        wanted = score_image(selection.model.segmenters.get("cpu"), Path(store.get_image_uri(image)), 2)
        assert found[image].score is not None
        assert found[image].score.uncertainty == pytest.approx(wanted.uncertainty)
        np.testing.assert_allclose(found[image].score.embedding, wanted.embedding, atol=1e-6)
        assert (found[image].noises, found[image].stamp) == (2, "3")
    assert found[images[2]].noises == 0, "of a labelled image only where it lies matters"
    told = uncertainty_of(store.labels.book.image_info(images[0]), {"sdseg": selection.model.segmenters.sha256()})
    assert told["sdseg"].value == pytest.approx(found[images[0]].score.uncertainty)  # type: ignore[union-attr]


def test_volumes_are_scored_too_and_their_own_list_is_left_alone(tmp_path: Path, weights: Path, start: Start) -> None:
    store = local_of(tmp_path / "images", tmp_path / "home", ["one", "two"])
    selection = selection_on(store, weights)
    start(selection)
    wait_for(lambda: scored(selection).keys() == {"one", "two"})
    assert "uncertainty:sdseg" not in store.get_image_info("one")


def test_after_a_restart_nothing_is_scored_again_but_by_other_weights_and_what_grew(
    store: ArchiveDatastore, folder: Path, images: list[str], weights: Path, start: Start, tmp_path: Path
) -> None:
    first = selection_on(store, weights)
    begun = start(first)
    wait_for(lambda: len(scored(first)) == 3)
    begun.stop()
    pool = pool_of(store)
    assert list(todo(pool, scored(first), 2)) == []
    save_study(folder, "b", slices=4)
    store.refresh()
    again = selection_on(store, weights)
    assert [one.image for one, _ in todo(pool_of(store), scored(again), 2)] == [images[1]]
    start(again)
    wait_for(lambda: scored(again)[images[1]].stamp == "4")
    other = selection_on(store, save_tiny_weights(tmp_path / "other", seed=1))
    assert len(list(todo(pool_of(store), scored(other), 2))) == 3


def test_an_unreadable_series_is_noted_once_and_the_others_are_scored(
    store: ArchiveDatastore, folder: Path, images: list[str], weights: Path, start: Start,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    save_study(folder, "b", slices=4)
    (folder / "b" / "1.dcm").unlink()  # a gap
    store.refresh()
    selection = selection_on(store, weights)
    begun = start(selection)
    wait_for(lambda: len(scored(selection)) == 3)
    assert scored(selection)[images[1]].score is None
    assert scored(selection)[images[1]].trouble
    wait_for(lambda: begun._rested[0])
    told = [record for record in caplog.records if "is not scored" in record.message]
    assert [images[1] in record.message for record in told] == [True]


def test_an_image_that_cannot_be_fetched_now_is_tried_later(
    store: ArchiveDatastore, images: list[str], weights: Path, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_RETRY", 0.2)
    cache = store.home / "images"
    cache.write_bytes(b"in the way")  # so that nothing can be put there
    selection = selection_on(store, weights)
    begun = start(selection)
    wait_for(lambda: len(begun._later) == 3)
    assert scored(selection) == {}
    cache.unlink()
    wait_for(lambda: len(scored(selection)) == 3)


@pytest.mark.parametrize("sharing", ["turns", "share"])
def test_it_waits_while_an_inference_runs_and_for_a_while_after(
    store: ArchiveDatastore, weights: Path, start: Start, queue: JobQueue, devices: Devices
) -> None:
    selection, go_on, took = selection_on(store, weights), threading.Event(), threading.Event()

    def work(job: Job) -> None:
        with devices.inference("cpu"):
            took.set()
            go_on.wait(60)

    job = queue.submit(Asked("sdseg", "image", "ann", "cpu"), work)
    assert took.wait(60)
    start(selection)
    assert not Quiet(queue).is_now()
    time.sleep(0.3)  # many of its ticks
    assert scored(selection) == {}
    go_on.set()
    job.future.result(60)
    wait_for(lambda: len(scored(selection)) == 3)


@pytest.mark.parametrize("sharing", ["turns", "share"])
def test_an_inference_gets_the_device_between_two_steps(
    store: ArchiveDatastore, weights: Path, start: Start, queue: JobQueue, devices: Devices,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    selection = selection_on(store, weights)
    start(selection)
    wait_for(lambda: any(thread.name == "scoring" for thread in threading.enumerate()))
    for _ in range(5):  # at whatever point it is

        def work(job: Job) -> None:
            with devices.inference("cpu"):
                pass

        queue.submit(Asked("sdseg", "image", "ann", "cpu"), work).future.result(60)
    wait_for(lambda: len(scored(selection)) == 3)


def test_another_models_inference_ends_the_image_which_is_scored_later(
    store: ArchiveDatastore, weights: Path, start: Start, queue: JobQueue
) -> None:
    selection, go_on = selection_on(store, weights), threading.Event()
    start(selection)
    job = queue.submit(Asked("unet", "image", "ann", "cpu"), lambda job: go_on.wait(60))
    go_on.set()
    job.future.result(60)
    wait_for(lambda: len(scored(selection)) == 3)


def test_it_ends_with_the_server(store: ArchiveDatastore, weights: Path, start: Start, queue: JobQueue) -> None:
    begun = start(selection_on(store, weights))
    queue.close()
    assert begun.join(60)


def test_labelled_and_unlabelled_images_are_scored_in_turns_and_not_the_whole_of_a_large_archive() -> None:
    pool = Pool(
        tuple(Candidate(f"open{n:04d}", "s") for n in range(module.AHEAD + 5)),
        tuple(Candidate(f"done{n}", "s") for n in range(2)),
    )
    found = [(one.image, noises) for one, noises in todo(pool, {}, 5)]
    assert found[:5] == [("open0000", 5), ("done0", 0), ("open0001", 5), ("done1", 0), ("open0002", 5)]
    assert len(found) == module.AHEAD + 2
