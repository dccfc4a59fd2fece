"""What a hospital's DICOM router does: it sends a study until every instance was answered with success."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path

from pydicom.uid import ExplicitVRLittleEndian
from pynetdicom import AE
from pynetdicom.sop_class import MRImageStorage, Verification

from sdseg.demo.studies import SmallStudy

_TIMEOUT = 30


@dataclass(frozen=True)
class Peer:
    """A DICOM application to talk to, and how we call ourselves."""

    port: int
    called: str = "SDSEG"
    calling: str = "ROUTER"
    host: str = "127.0.0.1"


class Router:
    """Sends studies to one application; may be used from several threads.

    Args:
        peer: where to.
        pause: seconds between two tries.
    """

    def __init__(self, peer: Peer, pause: float = 0.3) -> None:
        self.peer = peer
        self._pause = pause
        self._ended = threading.Event()

    def end(self) -> None:
        """Make every `send` return."""
        self._ended.set()

    def echo(self) -> bool:
        """Whether C-ECHO is answered with success."""
        association = self._entity(Verification).associate(self.peer.host, self.peer.port, ae_title=self.peer.called)
        if not association.is_established:
            return False
        status = association.send_c_echo()
        association.release()
        return bool(status) and status.Status == 0

    def send(self, study: SmallStudy, abort_after: int | None = None) -> int:
        """Send until all instances were answered with 0x0000, or `end` is called.

        Args:
            abort_after: break the first association off after so many instances, as a failing network does.

        Returns:
            How many associations it took; 0 where `end` came first.
        """
        waiting = dict(study.files)
        tries = 0
        while not self._ended.is_set():
            tries += 1
            for uid in self.offer(waiting, abort_after if tries == 1 else None):
                del waiting[uid]
            if not waiting:
                return tries
            self._ended.wait(self._pause)
        return 0

    def offer(self, files: dict[str, Path], abort_after: int | None = None) -> list[str]:
        """One association for MR images {SOPInstanceUID: file}: those that were answered with 0x0000."""
        association = self._entity(MRImageStorage).associate(self.peer.host, self.peer.port, ae_title=self.peer.called)
        taken: list[str] = []
        if not association.is_established:
            return taken
        for count, (uid, path) in enumerate(files.items()):
            if count == abort_after:
                association.abort()
                return taken
            try:
                status = association.send_c_store(path)
            except RuntimeError:  # pynetdicom's word for a connection that went
                return taken
            if not status or status.Status != 0:
                break
            taken.append(uid)
        if association.is_established:
            association.release()
        return taken

    def _entity(self, sop_class: str) -> AE:
        entity = AE(ae_title=self.peer.calling)
        entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = _TIMEOUT
        entity.connection_timeout = 5
        entity.add_requested_context(sop_class, ExplicitVRLittleEndian)
        return entity
