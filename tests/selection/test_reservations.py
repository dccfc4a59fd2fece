"""Who is given what: no study to two people, nothing lost, nothing kept for ever."""

import multiprocessing
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from sdseg_app.selection.pool import Candidate, Pool
from sdseg_app.selection.reservations import Reservations

POOL = Pool(tuple(Candidate(image, study) for image, study in (("a1", "A"), ("a2", "A"), ("b1", "B"), ("c1", "C"))))


@pytest.fixture
def book(tmp_path: Path) -> Reservations:
    return Reservations(tmp_path / "home" / "labels.db")


def ask(book: Reservations, annotator: str, pool: Pool = POOL, minutes: float = 30) -> str | None:
    taken = book.take(annotator, pool.open, pool, minutes)
    return taken.image if taken else None


def without(*images: str) -> Pool:
    return Pool(tuple(one for one in POOL.open if one.image not in images))


def test_a_study_is_given_to_one_person(book: Reservations) -> None:
    assert [ask(book, name) for name in ("ann", "bob", "eve", "joe")] == ["a1", "b1", "c1", None]


def test_who_asks_again_gets_another_and_keeps_what_he_has(book: Reservations) -> None:
    assert [ask(book, "ann") for _ in range(4)] == ["a1", "a2", "b1", "c1"]
    assert {one.image for one in book.valid()} == {"a1", "a2", "b1", "c1"}
    assert ask(book, "bob") is None


def test_his_own_come_again_when_nothing_else_is_left_the_oldest_first(book: Reservations) -> None:
    first = [ask(book, "ann") for _ in range(4)]
    assert [ask(book, "ann") for _ in range(5)] == [*first, "a1"]


def test_it_expires(book: Reservations) -> None:
    assert ask(book, "ann", minutes=0.001) == "a1"
    while book.valid():
        time.sleep(0.01)
    assert ask(book, "bob") == "a1"
    assert ask(book, "ann") == "b1"


def test_nothing_is_reserved_for_no_time(book: Reservations) -> None:
    assert ask(book, "reader", minutes=0) == ask(book, "ann") == "a1"


def test_a_label_frees_the_study(book: Reservations) -> None:
    assert ask(book, "ann") == "a1"
    assert ask(book, "bob", without("a1")) == "a2", "no second person waits for the other series"
    assert ask(book, "eve", without("a1")) == "b1"


def test_a_rejection_frees_it_and_he_gets_another_one_first(book: Reservations) -> None:
    assert ask(book, "ann") == "a1"
    rejected = Pool(POOL.open, rejected={"a1": time.time()})
    assert ask(book, "ann", rejected) == "a2"
    assert ask(book, "bob", Pool(POOL.open[:1], rejected=rejected.rejected)) == "a1"


def test_what_was_rejected_before_it_was_reserved_is_reserved(book: Reservations) -> None:
    pool = Pool(POOL.open[:1], rejected={"a1": time.time() - 1})
    assert ask(book, "ann", pool) == "a1"
    assert ask(book, "bob", pool) is None


def test_giving_back(book: Reservations) -> None:
    assert ask(book, "ann") == "a1"
    assert not book.give_back("bob", "a1"), "another's"
    assert not book.give_back("ann", "b1"), "never given"
    assert book.give_back("ann", "a1")
    assert not book.give_back("ann", "a1"), "again"
    assert ask(book, "ann") == "a2", "he did not want it"
    assert ask(book, "bob", without("a2")) == "a1"


def test_the_last_time_anybody_was_given_it(book: Reservations) -> None:
    before = time.time()
    ask(book, "ann", minutes=0)
    given = book.last_given()
    assert list(given) == ["a1"]
    assert before <= given["a1"] <= time.time()


def test_threads_that_ask_at_the_same_instant_get_different_studies(tmp_path: Path) -> None:
    pool = Pool(tuple(Candidate(f"image{n}", f"study{n}") for n in range(12)))
    path, got = tmp_path / "labels.db", []
    Reservations(path)
    start = threading.Barrier(12)

    def one(name: str) -> None:
        book = Reservations(path)
        start.wait()
        got.append(ask(book, name, pool))

    threads = [threading.Thread(target=one, args=(f"ann{n}",)) for n in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(str, got)) == sorted(f"image{n}" for n in range(12))


def ask_twenty_times(path: Path, name: str, start: Any, got: Any) -> None:
    pool = Pool(tuple(Candidate(f"image{n}", f"study{n}") for n in range(40)))
    book = Reservations(path)
    start.wait()
    got.put([ask(book, f"{name}{n}", pool) for n in range(20)])


def test_processes_that_ask_at_the_same_instant_get_different_studies(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    start, got = context.Barrier(2), context.Queue()
    arguments = [(tmp_path / "labels.db", name, start, got) for name in ("ann", "bob")]
    running = [context.Process(target=ask_twenty_times, args=each) for each in arguments]
    for process in running:
        process.start()
    images = [image for _ in running for image in got.get(timeout=60)]
    for process in running:
        process.join()
    assert len(set(images)) == len(images) == 40
    assert None not in images
