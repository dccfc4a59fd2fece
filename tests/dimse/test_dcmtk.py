"""Against another implementation of both sides: dcmtk."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pydicom
import pytest
from dimse.objects import data_set_bytes, save_object, uid_of
from pydicom.uid import ImplicitVRLittleEndian, RLELossless
from pynetdicom import AE, evt

from sdseg.dimse.contexts import listener_contexts
from sdseg.dimse.listener import Listening, listening
from sdseg.dimse.peer import Peer
from sdseg.dimse.store import store_files
from sdseg.errors import RefusedError
from sdseg.serving.launch import free_port


def program(name: str) -> str:
    """Path of one of dcmtk's; without it the test is skipped, in CI it fails."""
    path = shutil.which(name)
    if path is None:
        missing = "dcmtk is not installed; scripts/install-system-deps.sh does it on Debian."
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
    return path


@contextmanager
def storescp(folder: Path, *options: str) -> Iterator[Peer]:
    """dcmtk's storage SCP, writing what it gets to `folder`, bit by bit."""
    folder.mkdir()
    port = free_port()
    command = [program("storescp"), *options, "--bit-preserving", "-od", str(folder), str(port)]
    server = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        yield Peer("STORESCP", "127.0.0.1", port)
    finally:
        server.kill()
        server.wait()


def store(peer: Peer, path: Path) -> str:
    """Store a file, once the server has come up, and return the remark."""
    (stored,) = store_files(peer, [path])
    return stored.warning


def received(folder: Path) -> bytes:
    """The file that came, once it is whole."""
    end = time.monotonic() + 30
    while not (files := list(folder.iterdir())) and time.monotonic() < end:
        time.sleep(0.01)
    (file,) = files
    return file.read_bytes()


def test_an_object_arrives_bit_by_bit(tmp_path, seg):
    with storescp(tmp_path / "in", "+xa") as peer:
        assert store(peer, seg) == ""
    assert data_set_bytes(received(tmp_path / "in")) == data_set_bytes(seg.read_bytes())


def test_one_that_takes_only_implicit_gets_it_so(tmp_path, seg):
    with storescp(tmp_path / "in", "+xi") as peer:
        assert "re-encoded" in store(peer, seg)
    (file,) = (tmp_path / "in").iterdir()
    arrived, sent = pydicom.dcmread(file), pydicom.dcmread(seg)
    assert arrived.file_meta.TransferSyntaxUID == ImplicitVRLittleEndian
    assert arrived.PixelData == sent.PixelData and arrived.SOPInstanceUID == sent.SOPInstanceUID


def test_one_without_the_syntax_of_a_compressed_object(tmp_path):
    path = save_object(tmp_path, syntax=RLELossless)
    with storescp(tmp_path / "in", "+xi") as peer, pytest.raises(RefusedError, match="Segmentation Storage"):
        store(peer, path)


def test_it_calls_our_listener(tmp_path, seg):
    taken = []

    def take(event):
        taken.append(event.encoded_dataset())
        return 0x0000

    ae = AE(ae_title="SDSEG")
    ae.require_called_aet = True
    with listening(ae, Listening(port=0), listener_contexts(), [(evt.EVT_C_STORE, take)]) as port:
        where = ["-aec", "SDSEG", "127.0.0.1", str(port)]
        subprocess.run([program("echoscu"), *where], check=True, capture_output=True)
        subprocess.run([program("storescu"), "-R", *where, str(seg)], check=True, capture_output=True)
        stranger = subprocess.run(
            [program("echoscu"), "-aec", "OTHER", *where[2:]], capture_output=True, text=True, check=False
        )
    assert stranger.returncode != 0 and "Called AE Title Not Recognized" in stranger.stderr
    assert [data_set_bytes(file) for file in taken] == [data_set_bytes(seg.read_bytes())]
    assert uid_of(seg).encode() in taken[0]
