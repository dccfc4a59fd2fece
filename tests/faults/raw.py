"""A DICOM sender made by hand (PS3.8 annex D): it sends what no library would."""

import socket
import struct
from io import BytesIO
from pathlib import Path
from types import TracebackType

import pydicom
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.uid import ExplicitVRLittleEndian
from pynetdicom.sop_class import MRImageStorage

from sdseg.demo.router import Peer

ASSOCIATE_RQ, ASSOCIATE_AC, DATA, RELEASE_RQ, ABORT = 0x01, 0x02, 0x04, 0x05, 0x07
_CONTEXT_NAME = b"1.2.840.10008.3.1.1.1"
_FRAGMENT = 16_000
_SECONDS = 60.0
LAST, COMMAND = 0x02, 0x01


def pdu(kind: int, content: bytes, length: int | None = None) -> bytes:
    """A PDU; `length` lies about its content."""
    return struct.pack(">BxI", kind, len(content) if length is None else length) + content


def value(context: int, control: int, content: bytes, length: int | None = None) -> bytes:
    """A presentation data value; `length` lies about its content."""
    return struct.pack(">IBB", len(content) + 2 if length is None else length, context, control) + content


def association_request(peer: Peer, sop_class: str = MRImageStorage) -> bytes:
    """An A-ASSOCIATE-RQ with one presentation context."""
    syntaxes = _item(0x30, sop_class.encode()) + _item(0x40, ExplicitVRLittleEndian.encode())
    user = _item(0x51, struct.pack(">I", 16_384)) + _item(0x52, b"1.2.3.4")
    items = _item(0x10, _CONTEXT_NAME) + _item(0x20, b"\x01\0\0\0" + syntaxes) + _item(0x50, user)
    titles = peer.called.ljust(16).encode() + peer.calling.ljust(16).encode()
    return pdu(ASSOCIATE_RQ, struct.pack(">HH", 1, 0) + titles + bytes(32) + items)


def _item(kind: int, content: bytes) -> bytes:
    return struct.pack(">BxH", kind, len(content)) + content


class RejectedError(Exception):
    """The association was not accepted."""


def accepted(peer: Peer) -> "RawAssociation | None":
    """An association, or None where it is rejected, as by a listener that has its hands full."""
    try:
        return RawAssociation(peer)
    except RejectedError:
        return None


class RawAssociation:
    """An association that was accepted; use it as a context manager, which just closes the connection."""

    def __init__(self, peer: Peer) -> None:
        self.socket = socket.create_connection((peer.host, peer.port), timeout=_SECONDS)
        self.socket.sendall(association_request(peer))
        kind, _ = self.receive()
        if kind != ASSOCIATE_AC:
            self.socket.close()
            raise RejectedError(f"the association was answered with PDU {kind}")

    def __enter__(self) -> "RawAssociation":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.socket.close()

    def receive(self) -> tuple[int, bytes]:
        """The next PDU; (0, b"") where the other side closed the connection."""
        head = self._read(6)
        if len(head) < 6:
            return 0, b""
        kind, length = struct.unpack(">BxI", head)
        return kind, self._read(length)

    def _read(self, count: int) -> bytes:
        found = b""
        try:
            while len(found) < count and (part := self.socket.recv(count - len(found))):
                found += part
        except ConnectionResetError:
            pass
        return found

    def release(self) -> None:
        """A-RELEASE, in good order: what was sent is all."""
        self.socket.sendall(pdu(RELEASE_RQ, bytes(4)))
        self.receive()

    def store(self, path: Path, sop_uid: str | None = None) -> int | None:
        """C-STORE of the bytes behind the file meta information; the status, None where there was no answer.

        Args:
            path: a file with meta information.
            sop_uid: what the command says, if not what the meta information does.
        """
        meta = pydicom.filereader.read_file_meta_info(path)
        body = path.read_bytes()[132 + _group_length(path) :]
        command = Dataset()
        command.AffectedSOPClassUID = meta.MediaStorageSOPClassUID
        command.CommandField, command.MessageID, command.Priority = 0x0001, 1, 0
        command.CommandDataSetType = 0x0001
        with pydicom.config.disable_value_validation():
            command.AffectedSOPInstanceUID = sop_uid or meta.MediaStorageSOPInstanceUID
            encoded = encode_command(command)
        try:
            self.socket.sendall(pdu(DATA, value(1, COMMAND | LAST, encoded)))
            for start in range(0, max(len(body), 1), _FRAGMENT):
                last = LAST if start + _FRAGMENT >= len(body) else 0
                self.socket.sendall(pdu(DATA, value(1, last, body[start : start + _FRAGMENT])))
        except (BrokenPipeError, ConnectionResetError):
            return None
        kind, reply = self.receive()
        if kind != DATA:
            return None
        return int(pydicom.dcmread(BytesIO(reply[6:]), force=True).Status)


def _group_length(path: Path) -> int:
    """Bytes of the file meta information, its group length element included."""
    return 12 + int(pydicom.filereader.read_file_meta_info(path).FileMetaInformationGroupLength)


def encode_command(command: Dataset) -> bytes:
    """A command set, implicit VR little endian, with its group length (PS3.7 6.3.1)."""
    stream = DicomBytesIO()
    stream.is_little_endian, stream.is_implicit_VR = True, True
    write_dataset(stream, command)
    body = stream.getvalue()
    return struct.pack("<HHII", 0, 0, 4, len(body)) + body
