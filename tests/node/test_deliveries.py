"""What becomes of a SEG whose target fails, refuses or is slow."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from sdseg.delivery.target import Confirmation, Receipt
from sdseg.errors import DeliveryError, RefusedError
from sdseg.node import progress
from sdseg.node.backoff import pause_before
from sdseg.node.clock import now
from sdseg.node.config import Retry
from sdseg.node.dead_letters import DeadLetters
from sdseg.node.deliveries import Courier, give_up_unknown_targets
from sdseg.node.home import Home
from sdseg.node.ledger import Ledger
from sdseg.node.metrics import Counters
from sdseg.node.reception import Arrival, register
from sdseg.node.retrying import retry_series
from sdseg.node.schema import DeliveryRow, Sending, SeriesRow, State
from sdseg.pacs.answers import BusyError

UID = "1.2.4"
AT_ONCE = Retry(first_seconds=1e-6, longest_seconds=1e-6, give_up_after=3)


@dataclass
class Scripted:
    """A target that does as its script says, then takes everything."""

    script: list[BaseException] = field(default_factory=list)
    came: list[Path] = field(default_factory=list)
    name: str = "scripted"

    def check(self) -> None:
        """Answers."""

    def deliver(self, path: Path) -> Receipt:
        self.came.append(path)
        if self.script:
            raise self.script.pop(0)
        return Receipt("1.2.9", Confirmation.QIDO)


class Desk:
    """A ledger with one segmented series for the targets `one` and `two`."""

    def __init__(self, root: Path) -> None:
        self.home = Home(root)
        self.home.create()
        self.ledger = Ledger(self.home.ledger, create=True)
        (self.home.incoming / UID).mkdir()
        self.home.received(UID, "1.2.3").write_bytes(b"image")
        (self.home.results / "seg.dcm").write_bytes(b"seg")
        with self.ledger.writing() as session:
            row = register(session, Arrival("1.2.3", "1.2", UID, "1.2.5", "0" * 64, 5), "SENDER")
            row.targets = ["one", "two"]
            progress.segmented(session, row, "1.2.9", "seg.dcm")
        self.letters = DeadLetters(self.home, self.ledger)

    def courier(self, name: str, *script: BaseException, retry: Retry = AT_ONCE) -> tuple[Courier, Scripted]:
        target = Scripted(list(script))
        return Courier(name, target, retry, self.home, self.ledger, Counters()), target

    def series(self) -> SeriesRow:
        with self.ledger.reading() as session:
            return session.get_one(SeriesRow, UID)

    def deliveries(self) -> dict[str, DeliveryRow]:
        with self.ledger.reading() as session:
            return {row.target: row for row in session.query(DeliveryRow)}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    yield desk
    desk.ledger.close()


def test_done_when_every_target_confirmed(desk: Desk) -> None:
    (one, first), (two, _) = desk.courier("one"), desk.courier("two")
    assert one.step()
    assert desk.series().state == State.DELIVERING
    assert not one.step()
    assert two.step()
    assert desk.series().state == State.DONE
    assert first.came == [desk.home.results / "seg.dcm"]
    assert {row.confirmed for row in desk.deliveries().values()} == {"qido"}


def test_a_failure_is_tried_again_and_the_other_target_is_not_held_up(desk: Desk) -> None:
    (one, target), (two, _) = desk.courier("one", DeliveryError("away"), OSError("gone")), desk.courier("two")
    assert one.step() and two.step()
    assert desk.deliveries()["one"].last_error == "away"
    assert desk.series().state == State.DELIVERING
    while desk.series().state != State.DONE:
        one.step()
    assert len(target.came) == desk.deliveries()["one"].attempts == 3


def test_the_next_try_is_kept_in_the_ledger(desk: Desk) -> None:
    one, target = desk.courier("one", DeliveryError("away"), retry=Retry())
    assert one.step()
    again, _ = desk.courier("one")
    assert not again.step()
    assert len(target.came) == 1


def test_given_up_after_so_many_tries(desk: Desk) -> None:
    one, target = desk.courier("one", *[DeliveryError("away")] * 9)
    while desk.series().state != State.DEAD:
        one.step()
    assert len(target.came) == 3
    assert desk.series().reason == "one: Given up after 3 attempts: away"


def test_a_delivery_that_ends_the_process_each_time_is_given_up(desk: Desk) -> None:
    class Killed(BaseException):
        """Stands for the end of the process: nothing after it is carried out."""

    for _ in range(3):
        one, _target = desk.courier("one", Killed())
        with pytest.raises(Killed):
            one.step()
    one, target = desk.courier("one")
    one.step()
    assert target.came == []
    assert desk.series().state == State.DEAD
    assert desk.series().reason == "one: Given up after 3 attempts: the process ended during each of them"


def test_refused_is_a_dead_letter_at_once_and_the_others_still_get_it(desk: Desk) -> None:
    (one, target), (two, other) = desk.courier("one", RefusedError("never")), desk.courier("two")
    one.step()
    desk.letters.step()
    assert desk.series().state == State.DEAD
    folder = desk.home.dead / UID
    assert {path.name for path in folder.iterdir()} == {"1.2.3.dcm", "segmentation.dcm", "reason.json"}
    two.step()
    assert len(other.came) == 1
    assert desk.series().state == State.DEAD
    assert retry_series(desk.ledger, UID) == 1
    desk.letters.step()
    assert not folder.exists()
    assert desk.home.received(UID, "1.2.3").read_bytes() == b"image"
    one.step()
    assert desk.series().state == State.DONE
    assert (len(target.came), len(other.came)) == (2, 1)


def test_a_letter_is_finished_after_an_end_in_the_middle(desk: Desk) -> None:
    one, _ = desk.courier("one", RefusedError("never"))
    one.step()
    (desk.home.dead / UID).mkdir()
    desk.home.received(UID, "1.2.3").rename(desk.home.dead / UID / "1.2.3.dcm")
    desk.letters.step()
    assert (desk.home.dead / UID / "reason.json").is_file()
    assert (desk.home.dead / UID / "1.2.3.dcm").read_bytes() == b"image"


def test_a_larger_series_makes_the_delivery_pointless(desk: Desk) -> None:
    one, target = desk.courier("one", DeliveryError("away"))
    one.step()
    with desk.ledger.writing() as session:
        register(session, Arrival("1.2.33", "1.2", UID, "1.2.5", "1" * 64, 5), "SENDER")
    assert not one.step()
    assert len(target.came) == 1
    assert {row.state for row in desk.deliveries().values()} == {Sending.SUPERSEDED}
    assert desk.series().state == State.RECEIVING


def test_a_larger_series_during_a_delivery_is_not_done(desk: Desk) -> None:
    one, target = desk.courier("one")
    begun, grown = threading.Event(), threading.Event()

    def deliver(_path: Path) -> Receipt:
        begun.set()
        assert grown.wait(30)
        return Receipt("1.2.9", Confirmation.QIDO)

    target.deliver = deliver  # type: ignore[method-assign]
    thread = threading.Thread(target=one.step)
    thread.start()
    assert begun.wait(30)
    assert not one.step()  # nobody takes the same delivery twice
    with desk.ledger.writing() as session:
        register(session, Arrival("1.2.33", "1.2", UID, "1.2.5", "1" * 64, 5), "SENDER")
    grown.set()
    thread.join(30)
    assert desk.series().state == State.RECEIVING


def test_a_target_that_is_no_longer_configured_is_told(desk: Desk) -> None:
    with desk.ledger.writing() as session:
        give_up_unknown_targets(session, {"one"})
    assert desk.series().state == State.DEAD
    assert "two: The configuration has no such target" in desk.series().reason


def test_a_busy_server_is_left_alone_as_long_as_it_asks(desk: Desk) -> None:
    one, _ = desk.courier("one", BusyError("come later", 120.0), retry=Retry(first_seconds=1, longest_seconds=600))
    before = now()
    one.step()
    assert desk.deliveries()["one"].next_at >= before + 120


def test_pauses_grow_up_to_the_longest() -> None:
    retry = Retry(first_seconds=5, longest_seconds=600)
    for attempt, middle in ((1, 5), (2, 10), (7, 320), (8, 600), (1000, 600)):
        pauses = {pause_before(attempt, retry) for _ in range(50)}
        assert all(0.8 * middle <= pause <= 1.2 * middle for pause in pauses)
        assert len(pauses) > 1
