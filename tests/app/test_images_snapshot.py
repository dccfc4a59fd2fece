"""What is told of the archive while it is slow, changes, or does not answer."""

import threading

import pytest

from sdseg.errors import DeliveryError
from sdseg_app.stores import images_snapshot
from sdseg_app.stores.images_snapshot import ImagesSnapshot

SECONDS = 20


class Archive:
    """Answers when it is let."""

    def __init__(self) -> None:
        self.images = ["1.2"]
        self.open = threading.Event()
        self.open.set()
        self.broken = False
        self.looks = 0

    def look(self) -> list[str]:
        self.looks += 1
        seen = list(self.images)
        assert self.open.wait(SECONDS)
        if self.broken:
            raise DeliveryError("The archive does not answer.")
        return seen


@pytest.fixture
def archive() -> Archive:
    return Archive()


@pytest.fixture
def snapshot(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> ImagesSnapshot[list[str]]:
    monkeypatch.setattr(images_snapshot, "FRESH", 0.0)  # every answer is due for a look
    return ImagesSnapshot(archive.look)


def test_a_quick_archive_is_told_as_it_is(archive: Archive, snapshot: ImagesSnapshot[list[str]]) -> None:
    assert snapshot.get() == ["1.2"]
    archive.images.append("1.3")
    assert snapshot.get() == ["1.2", "1.3"]


def test_a_slow_archive_keeps_nobody_waiting(archive: Archive, snapshot: ImagesSnapshot[list[str]]) -> None:
    snapshot.get()
    archive.images.append("1.3")
    archive.open.clear()
    assert snapshot.get() == snapshot.get() == ["1.2"], "what was seen last"
    assert archive.looks == 2, "one look at a time"
    archive.open.set()
    while snapshot.get() != ["1.2", "1.3"]:
        pass


def test_what_changed_through_this_server_is_never_told_late(
    archive: Archive, snapshot: ImagesSnapshot[list[str]]
) -> None:
    snapshot.get()
    archive.open.clear()
    assert snapshot.get() == ["1.2"]  # a look is under way which does not know of what comes now
    archive.images.append("1.3")
    snapshot.changed()
    answers: list[list[str]] = []
    asking = threading.Thread(target=lambda: answers.append(snapshot.get()))
    asking.start()
    archive.open.set()
    asking.join(SECONDS)
    assert answers == [["1.2", "1.3"]]


def test_an_archive_that_fails_is_told_where_nothing_true_is_known(
    archive: Archive, snapshot: ImagesSnapshot[list[str]]
) -> None:
    archive.broken = True
    with pytest.raises(DeliveryError):
        snapshot.get()
    archive.broken = False
    assert snapshot.get() == ["1.2"]
    archive.broken = True
    assert snapshot.get() == ["1.2"], "what was seen last"
    snapshot.changed()
    with pytest.raises(DeliveryError):
        snapshot.get()
