"""When a series is complete, and what comes after."""

import json
from typing import Any

import pytest
from helpers.node_bench import Bench, await_true, mr

from sdseg.node.completion import due_at
from sdseg.node.ledger import Ledger
from sdseg.node.retrying import retry_series
from sdseg.node.schema import SeriesRow

QUIET, FORCED = 30.0, 600.0


@pytest.mark.parametrize(
    ("first", "last", "held", "is_open", "started", "due"),
    [
        (1000, 1010, False, False, 0, 1040),  # quiet
        (1000, 1590, False, False, 0, 1600),  # forced: its first instance is so old
        (1000, 1010, False, True, 0, 1600),  # the sender is still there
        (1000, 1010, True, False, 0, 1610),  # aborted
        (1000, 1010, False, False, 5000, 5030),  # nobody could send before the node started
        (1000, 1010, True, False, 5000, 5600),
        (0, 0, False, True, 5000, 600),  # taken up by a person: long due
    ],
)
def test_due(first: float, last: float, held: bool, is_open: bool, started: float, due: float) -> None:
    row = SeriesRow(first_at=first, last_at=last, held=held)
    assert due_at(row, is_open, started, QUIET, FORCED) == due


def row_of(bench: Bench, uid: str) -> SeriesRow:
    ledger = Ledger(bench.home.ledger)
    with ledger.reading() as session:
        row = session.get_one(SeriesRow, uid)
    ledger.close()
    return row


def letter(bench: Bench, uid: str) -> Any:
    return json.loads((bench.home.dead / uid / "reason.json").read_text())


def test_one_seg_for_each_series_and_files_go_when_it_is_done(bench: Bench) -> None:
    bench.settings["keep_received_hours"] = 0
    with bench.running():
        bench.send([*mr("one"), *mr("two")])
        bench.await_state("done", 2)
        assert len(bench.delivered()) == 2
        again = bench.send(mr("one"))
    assert again == [0] * 4
    with bench.running():  # the first look for old files is at the start
        await_true(lambda: not any(bench.home.incoming.iterdir()), "received files are removed")
        assert not any(bench.home.results.iterdir())
        assert bench.send(mr("one")) == [0] * 4
        assert bench.status().series["done"] == 2


def test_what_no_rule_wants_is_ignored(bench: Bench) -> None:
    bench.settings["rules"][0]["series_description"] = "*t1*"
    with bench.running():
        bench.send(mr())
        bench.await_state("ignored")
    assert not bench.delivered()


def test_an_aborted_series_waits_until_its_sender_came_back(bench: Bench) -> None:
    series = mr()
    with bench.running():
        with bench.association() as association:
            assert association.send_c_store(series[0]).Status == 0
            association.abort()
        await_true(lambda: row_of(bench, series[0].SeriesInstanceUID).held, "the series is held")
        bench.send(mr("another"))
        bench.await_state("done")  # the quiet period of the first is over too
        assert bench.status().series["receiving"] == 1
        bench.send(series)
        bench.await_state("done", 2)
    assert len(bench.delivered()) == 2


def test_an_idle_association_does_not_complete_a_series_but_another_series_does(bench: Bench) -> None:
    first, second = mr("one"), mr("two")
    with bench.running():
        with bench.association() as association:
            for dataset in first[:2]:
                association.send_c_store(dataset)
            bench.send(mr("another"))
            bench.await_state("done")
            assert bench.status().series["receiving"] == 1
            for dataset in [*first[2:], *second]:
                association.send_c_store(dataset)
            bench.await_state("done", 2)
        bench.await_state("done", 3)
    assert len(bench.delivered()) == 3


def test_a_late_instance_makes_a_larger_seg(bench: Bench) -> None:
    series = mr(slices=5)
    with bench.running():
        bench.send(series[:4])
        bench.await_state("done")
        bench.send(series[4:])
        await_true(lambda: len(bench.delivered()) == 2, "a second SEG")
        bench.await_state("done")
        assert row_of(bench, series[0].SeriesInstanceUID).generation == 2


def test_a_gap_is_a_dead_letter_until_the_missing_slice_comes(bench: Bench) -> None:
    series = mr(slices=5)
    uid = series[0].SeriesInstanceUID
    folder = bench.home.dead / uid
    with bench.running():
        bench.send([*series[:2], *series[3:]])
        bench.await_state("dead")
        await_true((folder / "reason.json").is_file, "the letter is written")
        told = letter(bench, uid)
        assert told["series_instance_uid"] == uid
        assert told["reason"] == bench.status().dead_letters[0].reason
        assert len(list(folder.glob("*.dcm"))) == told["instances"] == 4
        assert "SECRET" not in (folder / "reason.json").read_text()
        assert bench.send(series[:2]) == [0, 0]
        assert bench.status().series["dead"] == 1
        bench.send(series[2:3])
        bench.await_state("done")
        await_true(lambda: not folder.exists(), "the letter is withdrawn")
    assert len(bench.delivered()) == 1
    assert len(list(bench.home.incoming.rglob("*.dcm"))) == 5


def test_a_person_takes_a_dead_letter_up_again(bench: Bench) -> None:
    broken = bench.folder / "broken"
    broken.mkdir()
    (broken / "sdseg.json").write_text("{}")
    bench.settings["rules"][0]["weights"] = str(broken)
    bench.settings["segmentation_attempts"] = 2
    with bench.running():
        bench.send(mr())
        bench.await_state("dead")
        assert "broken" in bench.status().dead_letters[0].reason
    bench.settings["rules"][0]["weights"] = str(bench.weights)
    ledger = Ledger(bench.home.ledger)
    assert retry_series(ledger, None) == 1
    ledger.close()
    with bench.running():
        bench.await_state("done")
        await_true(lambda: not any(bench.home.dead.iterdir()), "the letter is withdrawn")
    assert len(bench.delivered()) == 1


def test_removed_files_must_be_sent_again(bench: Bench) -> None:
    bench.settings["keep_received_hours"] = 0
    series = mr(slices=5)
    with bench.running():
        bench.send(series[:4])
        bench.await_state("done")
    with bench.running():
        await_true(lambda: not any(bench.home.incoming.iterdir()), "received files are removed")
        bench.send(series[4:])
        bench.await_state("dead")
        assert "4 of its 5 instances are no longer here" in bench.status().dead_letters[0].reason
        assert bench.send(series) == [0] * 5
        bench.await_state("done")
    assert len(bench.delivered()) == 2
