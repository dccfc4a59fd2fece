"""What senders do to a node: noise, lies, bombs, strangers, loops. It goes on, and keeps to its folder."""

import json
import socket
import struct
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pydicom
import pytest

from faults.hostile import hostile_series
from faults.privacy import names_in
from faults.raw import (
    ABORT,
    ASSOCIATE_RQ,
    COMMAND,
    DATA,
    LAST,
    RawAssociation,
    accepted,
    association_request,
    pdu,
    value,
)
from faults.waiting import settled, wait_for
from faults.world import DIRECT, World
from sdseg.demo.router import Peer, Router

GIGABYTE = 1 << 30
MEMORY = 3 * GIGABYTE
NOISE = bytes((number * 167 + 13) % 256 for number in range(20_000))


def before_association(peer: Peer) -> dict[str, bytes]:
    request = association_request(peer)
    return {
        "noise": NOISE,
        "HTTP": b"GET / HTTP/1.1\r\nHost: node\r\n\r\n",
        "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),
        "a request of four gigabytes": pdu(ASSOCIATE_RQ, bytes(100_000), 0xFFFFFFFF),
        "half a request": request[: len(request) // 2],
        "a request whose items are longer than it": request[:74] + b"\x10\x00\xff\xff" + request[78:],
        "data without an association": pdu(DATA, value(1, LAST, b"abc")),
        "an abort": pdu(ABORT, bytes(4)),
    }


WITHIN_ASSOCIATION = {
    "noise": NOISE,
    "a PDU of a kind that does not exist": pdu(0x42, bytes(10)),
    "data of four gigabytes": pdu(DATA, bytes(100_000), 0xFFFFFFFF),
    "a value of no length": pdu(DATA, value(1, LAST | COMMAND, b"", 0)),
    "a value longer than its PDU": pdu(DATA, value(1, LAST | COMMAND, bytes(10), 0xFFFFFFF0)),
    "a context that was not proposed": pdu(DATA, value(77, LAST | COMMAND, bytes(20))),
    "a command that is noise": pdu(DATA, value(1, LAST | COMMAND, NOISE[:500])),
    "a command of nothing": pdu(DATA, value(1, LAST | COMMAND, struct.pack("<HHII", 0, 0, 4, 0))),
    "a data set without a command": pdu(DATA, value(1, LAST, NOISE[:1000])),
}


@pytest.fixture(scope="module")
def spectators(here: World) -> Iterator[list[socket.socket]]:
    """Connections that say nothing, as a port scanner's."""
    silent = [socket.create_connection((here.peer.host, here.peer.port)) for _ in range(8)]
    yield silent
    for connection in silent:
        connection.close()


def escaped(here: World) -> list[Path]:
    """What lies where the hostile paths point, from any folder of the node's home."""
    folders = [here.folder, *list(here.folder.parents)[:2], Path("/"), Path.cwd()]
    return [path for folder in folders for path in folder.glob("*escaped*")] + [*here.folder.glob("study")]


def test_noise_ends_its_connection_and_nothing_else(here: World, spectators: list[socket.socket]) -> None:
    for content in before_association(here.peer).values():
        with socket.create_connection((here.peer.host, here.peer.port)) as connection:
            connection.sendall(content)
    for _ in range(4):  # together more than it takes at a time: none may keep its place
        for content in WITHIN_ASSOCIATION.values():
            with wait_for(
                lambda: accepted(here.peer), "the node takes no more associations", seconds=60
            ) as association:
                association.socket.sendall(content)
        wait_for(Router(here.peer).echo, "the node does not answer any more", seconds=60)
    assert here.node.exit_code is None


@pytest.mark.slow
def test_hostile_series_are_refused_or_become_dead_letters(here: World) -> None:
    honest = here.studies.make(900, DIRECT)
    hostile = hostile_series(list(honest.files.values()), here.folder / "hostile")
    taken = {series.name for series in hostile if store(here, series.files)}
    with RawAssociation(here.peer) as association:
        assert association.store(next(iter(honest.files.values())), "../../../escaped") != 0
    # What cannot be told apart from other objects must not be taken.
    assert not {name for name in taken if "UID" in name}
    study = here.studies.make(901, DIRECT)
    assert Router(here.peer).send(study) == 1
    assert settled(here, [study], DIRECT).done == (901,)
    wait_for(lambda: all_ended(here), "a hostile series is still under way")
    used = sources(here)
    assert not {series.name for series in hostile if series.spoilt & used}
    assert all(letter["reason"] for letter in here.node.dead_letters().values())
    assert not escaped(here)
    assert not names_in(here)
    pid = here.node.pid
    assert pid is not None
    assert psutil.Process(pid).memory_info().rss < MEMORY
    assert "Traceback" not in here.node.log.read_text()


def store(here: World, files: Sequence[Path]) -> list[Path]:
    """Those that were answered with success; each in an association of its own, as some end theirs."""
    taken = []
    for path in files:
        with RawAssociation(here.peer) as association:
            if association.store(path) == 0:
                taken.append(path)
                association.release()
    return taken


def sources(here: World) -> set[str]:
    """SOPInstanceUIDs that the SEGs of the first archive were made of."""
    found: set[str] = set()
    for seg in here.first.search(Modality="SEG"):
        dataset = pydicom.dcmread(here.first.fetch(seg.sop_uid, here.folder / "seg.dcm"))
        instances = dataset.ReferencedSeriesSequence[0].ReferencedInstanceSequence
        found |= {str(item.ReferencedSOPInstanceUID) for item in instances}
    return found


def all_ended(here: World) -> bool:
    result = here.node.ask("status", "--json")
    assert result.returncode == 0, result.stderr
    return not json.loads(result.stdout)["queue"]


@pytest.mark.parametrize(
    ("peer_changes", "what"),
    [({"calling": "STRANGER"}, "an AE title that is not listed"), ({"called": "OTHER"}, "another called AE title")],
)
def test_strangers_are_rejected(here: World, peer_changes: dict[str, str], what: str) -> None:
    study = here.studies.make(902, DIRECT)
    stranger = Peer(**{**here.peer.__dict__, **peer_changes})
    assert Router(stranger).offer(study.files) == [], what
    assert not Router(stranger).echo()


def test_a_listed_title_from_another_host_is_rejected(here: World) -> None:
    """FIRST may call from 127.0.0.1; 127.0.0.2 is this machine too, and another address."""
    with socket.socket() as connection:
        connection.bind(("127.0.0.2", 0))
        connection.settimeout(30)
        connection.connect((here.peer.host, here.peer.port))
        connection.sendall(association_request(here.peer))
        answer = connection.recv(1)
    assert answer == b"\x03", "no A-ASSOCIATE-RJ"


def test_a_duplicate_is_answered_and_changes_nothing(here: World) -> None:
    study = here.studies.make(903, DIRECT)
    router = Router(here.peer)
    assert router.send(study) == 1
    assert settled(here, [study], DIRECT).done == (903,)
    assert router.send(study) == 1
    wait_for(lambda: all_ended(here), "the duplicate is still under way")
    assert settled(here, [study], DIRECT).done == (903,)


def test_two_routers_send_the_same_study_at_once(here: World) -> None:
    study = here.studies.make(905, DIRECT)
    with ThreadPoolExecutor() as routers:
        tries = list(routers.map(Router(here.peer).send, [study, study]))
    assert min(tries) >= 1
    assert settled(here, [study], DIRECT).done == (905,)


def test_a_second_node_on_the_folder_says_so(here: World) -> None:
    result = here.node.ask()
    assert result.returncode == 1
    (line,) = result.stderr.strip().splitlines()
    assert line.startswith("sdseg: ") and str(here.node.home) in line
    assert Router(here.peer).echo(), "the first node does not work any more"


def test_a_loop_of_forwarding_ends(here: World) -> None:
    """FIRST forwards whatever it gets to the node, also what the node sent."""
    study = here.studies.make(904, DIRECT)
    assert Router(Peer(here.first.dicom_port, here.first.ae_title)).send(study) == 1
    assert settled(here, [study], DIRECT).done == (904,)
    (seg,) = here.first.search(Modality="SEG", StudyInstanceUID=study.study_uid)
    wait_for(lambda: counts(here)["ignored"] > 0, "FIRST did not forward the SEG to the node")
    wait_for(lambda: all_ended(here), "the node still works on what came back")
    assert here.first.search(Modality="SEG", StudyInstanceUID=study.study_uid) == [seg]


def counts(here: World) -> dict[str, int]:
    """State -> series, as the node tells."""
    return dict(json.loads(here.node.ask("status", "--json").stdout)["series"])
