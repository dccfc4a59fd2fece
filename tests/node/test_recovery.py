"""A start after an end that nobody was told of."""

import shutil
from pathlib import Path

import pytest
from helpers.node_bench import mr
from pydicom import Dataset

from sdseg.node import progress, reception
from sdseg.node.config import Rule
from sdseg.node.headers import identify
from sdseg.node.home import Home
from sdseg.node.ledger import Ledger
from sdseg.node.recovery import recover
from sdseg.node.schema import AssociationRow, DeliveryRow, InstanceRow, Kept, SeriesRow, State


class Remains:
    """A home with a series of which the first two instances are in the ledger."""

    def __init__(self, root: Path) -> None:
        self.home = Home(root)
        self.home.create()
        self.ledger = Ledger(self.home.ledger, create=True)
        self.datasets = mr()
        self.uid = str(self.datasets[0].SeriesInstanceUID)
        (self.home.incoming / self.uid).mkdir()
        with self.ledger.writing() as session:
            self.association = reception.association_opened(session, "SENDER", "127.0.0.1")
            for dataset in self.datasets[:2]:
                arrival = identify(self.write(dataset), b"", dataset.SOPClassUID, dataset.SOPInstanceUID)
                reception.register(session, arrival, "SENDER")
                reception.touch(session, self.association, self.uid)

    def path(self, dataset: Dataset) -> Path:
        return self.home.received(self.uid, dataset.SOPInstanceUID)

    def write(self, dataset: Dataset) -> bytes:
        dataset.save_as(self.path(dataset), enforce_file_format=True)
        return self.path(dataset).read_bytes()

    def series(self) -> SeriesRow:
        with self.ledger.reading() as session:
            return session.get_one(SeriesRow, self.uid)

    def instances(self) -> dict[str, str]:
        with self.ledger.reading() as session:
            return {row.sop_uid: row.kept for row in session.query(InstanceRow)}

    def segmented(self) -> None:
        with self.ledger.writing() as session:
            row = session.get_one(SeriesRow, self.uid)
            progress.complete(session, row, Rule(weights=Path("w"), targets=("one",)), 1)
            progress.segmented(session, row, "1.2.9", "seg.dcm")


@pytest.fixture
def remains(tmp_path: Path) -> Remains:
    return Remains(tmp_path)


def test_open_associations_are_lost_and_their_series_held(remains: Remains) -> None:
    recover(remains.home, remains.ledger)
    with remains.ledger.reading() as session:
        assert session.get_one(AssociationRow, remains.association).outcome == "lost"
    assert remains.series().held


def test_a_file_that_was_not_noted_is_taken_up(remains: Remains) -> None:
    remains.write(remains.datasets[2])
    recover(remains.home, remains.ledger)
    assert remains.instances()[remains.datasets[2].SOPInstanceUID] == Kept.HERE
    assert remains.series().held


def test_what_is_not_whole_is_removed(remains: Remains) -> None:
    folder = remains.home.incoming / remains.uid
    (folder / ".1.2.3.dcm.0123456789ab.part").write_bytes(b"half")
    (folder / "1.2.3.dcm").write_bytes(remains.path(remains.datasets[0]).read_bytes()[:300])
    shutil.copy(remains.path(remains.datasets[0]), folder / "1.2.4.dcm")  # not what its name says
    (remains.home.results / "9.dcm").write_bytes(b"SEG of nobody")
    (remains.home.work / "scratch").mkdir()
    recover(remains.home, remains.ledger)
    assert {path.stem for path in folder.iterdir()} == {str(item.SOPInstanceUID) for item in remains.datasets[:2]}
    assert not any(remains.home.results.iterdir())
    assert not any(remains.home.work.iterdir())


def test_without_its_ledger_a_home_is_taken_up_whole(remains: Remains) -> None:
    remains.ledger.close()
    for path in remains.home.root.glob("ledger*"):
        path.unlink()
    remains.ledger = Ledger(remains.home.ledger, create=True)
    recover(remains.home, remains.ledger)
    assert set(remains.instances().values()) == {Kept.HERE}
    assert len(remains.instances()) == 2


def test_a_file_that_is_gone_is_wanted_again(remains: Remains) -> None:
    remains.path(remains.datasets[0]).unlink()
    recover(remains.home, remains.ledger)
    assert remains.instances()[remains.datasets[0].SOPInstanceUID] == Kept.REMOVED
    assert remains.series().state == State.RECEIVING


def test_a_seg_that_is_gone_is_made_again(remains: Remains) -> None:
    remains.segmented()
    recover(remains.home, remains.ledger)
    assert remains.series().state == State.COMPLETE
    with remains.ledger.reading() as session:
        assert not session.query(DeliveryRow).all()


def test_a_seg_that_is_there_stays(remains: Remains) -> None:
    remains.segmented()
    (remains.home.results / "seg.dcm").write_bytes(b"SEG")
    recover(remains.home, remains.ledger)
    assert remains.series().state == State.SEGMENTED
    assert (remains.home.results / "seg.dcm").is_file()
