"""A full disk: the node says so to the sender, keeps what it acknowledged, and goes on when there is space again."""

from collections.abc import Callable
from pathlib import Path

import pytest
from helpers.orthanc import require_orthanc

from faults.full_disk import can_mount, fill, let_write, on_small_disk, seen_by
from faults.raw import RawAssociation
from faults.waiting import settled
from faults.world import DIRECT, World, world
from sdseg.demo.router import Router
from sdseg.demo.studies import SmallStudy

OUT_OF_RESOURCES = range(0xA700, 0xA800)
SETTINGS = {"minimum_free_mb": 0, "quiet_seconds": 2}


def test_every_write_fails_for_a_while(tmp_path: Path) -> None:
    """The kernel refuses the running node any write to a file, of the ledger too (EFBIG)."""
    require_orthanc()
    with world(tmp_path, settings=SETTINGS) as here:
        here.node.start()
        here.node.wait_until_ready()
        refuses_and_goes_on(here, lambda: let_write(here.node, False), lambda: let_write(here.node, True))


@pytest.mark.skipif(not can_mount(), reason="this machine does not let its users mount a disk of their own")
def test_a_small_disk_is_filled_to_the_last_byte(tmp_path: Path) -> None:
    """A disk of a few megabytes that only the node sees (ENOSPC)."""
    require_orthanc()
    home = tmp_path / "home"
    with world(tmp_path, settings=SETTINGS, command=on_small_disk("16m", home)) as here:
        here.node.start()
        here.node.wait_until_ready()
        seen = seen_by(here.node, home)
        refuses_and_goes_on(here, lambda: fill(seen), (seen / "filler").unlink)


def refuses_and_goes_on(here: World, close: Callable[[], object], open_again: Callable[[], object]) -> None:
    """One study is received before the disk is full, one is sent when it is: both get their SEG in the end."""
    waiting, refused = here.studies.make(0, DIRECT), here.studies.make(1, DIRECT)
    assert Router(here.peer).send(waiting) == 1
    close()
    statuses = answers(here, refused)
    assert statuses and all(status in OUT_OF_RESOURCES for status in statuses), statuses
    assert here.node.exit_code is None, "the node ended"
    open_again()
    assert Router(here.peer).send(refused) >= 1
    assert settled(here, [waiting, refused], DIRECT).done == (0, 1)


def answers(here: World, study: SmallStudy) -> list[int]:
    """The status of each instance, as far as there was an answer."""
    with RawAssociation(here.peer) as association:
        found = [association.store(path) for path in study.files.values()]
    return [status for status in found if status is not None]
