"""A real PACS to try things with: Debian's Orthanc, started on free ports, stopped, started on the same storage."""

from __future__ import annotations

import json
import shutil
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import requests

from sdseg.demo.child import Child
from sdseg.errors import DeliveryError, InputError
from sdseg.serving.launch import free_port

PROGRAM = shutil.which("Orthanc") or shutil.which("Orthanc", path="/usr/sbin:/usr/local/sbin")
PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
_START_SECONDS = 60.0
_TIMEOUT = (5, 60)


def missing_orthanc() -> str:
    """What to do where Orthanc is not installed; "" where it is."""
    if PROGRAM is None or not PLUGIN.exists():
        return "Orthanc is not installed; scripts/install-system-deps.sh does it on Debian and Ubuntu."
    return ""


@dataclass(frozen=True)
class Found:
    """An instance that a search (QIDO-RS, PS3.18 10.6) showed."""

    study_uid: str
    series_uid: str
    sop_uid: str


class Orthanc:
    """An archive with DIMSE, storage commitment and DICOMweb; use it as a context manager.

    Args:
        home: folder for its configuration, storage and log.
        ae_title: how it is called.
        peers: applications that it knows, by AE title: (host, port). It reports commitments to these.
        settings: more of Orthanc's own settings.

    Raises:
        InputError: it is not installed.
    """

    def __init__(
        self,
        home: Path,
        ae_title: str = "ORTHANC",
        peers: Mapping[str, tuple[str, int]] | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        if missing := missing_orthanc():
            raise InputError(missing)
        home.mkdir(parents=True, exist_ok=True)
        self.ae_title = ae_title
        self.dicom_port = free_port()
        self.http_port = free_port()
        self.storage = home / "storage"
        configuration = home / "orthanc.json"
        configuration.write_text(json.dumps(self._configuration(peers or {}) | dict(settings or {}), indent=1))
        self._child = Child([str(PROGRAM), configuration], home / "orthanc.log")

    def _configuration(self, peers: Mapping[str, tuple[str, int]]) -> dict[str, Any]:
        return {
            "HttpPort": self.http_port,
            "DicomPort": self.dicom_port,
            "DicomAet": self.ae_title,
            "DicomModalities": {
                name.lower(): {"AET": name, "Host": host, "Port": port, "AllowStorageCommitment": True}
                for name, (host, port) in peers.items()
            },
            "StorageDirectory": str(self.storage),
            "IndexDirectory": str(self.storage),
            "Plugins": [str(PLUGIN)],
            "DicomWeb": {"Enable": True},
            "RemoteAccessAllowed": False,
            "AuthenticationEnabled": False,
        }

    @property
    def url(self) -> str:
        """Of its own REST interface."""
        return f"http://127.0.0.1:{self.http_port}"

    @property
    def dicomweb(self) -> str:
        """The DICOMweb address."""
        return f"{self.url}/dicom-web"

    @property
    def dimse(self) -> str:
        """The DIMSE address, as the node's configuration writes it."""
        return f"dicom://{self.ae_title}@127.0.0.1:{self.dicom_port}"

    @property
    def pid(self) -> int | None:
        """Of the running server; None where it is stopped."""
        return self._child.pid

    def start(self) -> None:
        """Start it, on what an earlier start stored, and wait until both ports answer. Raises DeliveryError."""
        self._child.start()
        end = time.monotonic() + _START_SECONDS
        while time.monotonic() < end:
            if self._child.exit_code is not None:
                raise DeliveryError(f"Orthanc did not start: {self._child.last_words()} (log: {self._child.log}).")
            if listens(self.dicom_port) and listens(self.http_port):
                return
            time.sleep(0.05)
        raise DeliveryError(f"Orthanc did not answer within {_START_SECONDS:.0f} s (log: {self._child.log}).")

    def stop(self) -> None:
        """End it as a maintenance would; nothing answers until it is started again."""
        self._child.stop()

    def __enter__(self) -> Orthanc:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._child.kill()  # its good order takes seconds, and nobody needs the storage any more

    def search(self, **query: str) -> list[Found]:
        """Instances that match, as QIDO tells: `search(Modality="SEG")`. Raises requests.RequestException."""
        parameters = {**query, "includefield": "StudyInstanceUID"}
        accept = {"Accept": "application/dicom+json"}
        reply = requests.get(f"{self.dicomweb}/instances", params=parameters, headers=accept, timeout=_TIMEOUT)
        reply.raise_for_status()
        keys = ("0020000D", "0020000E", "00080018")
        return [Found(*(item[key]["Value"][0] for key in keys)) for item in reply.json()]

    def fetch(self, sop_uid: str, path: Path) -> Path:
        """Write the instance as the archive holds it to `path`."""
        found = requests.post(f"{self.url}/tools/lookup", data=sop_uid, timeout=_TIMEOUT).json()
        (identifier,) = (item["ID"] for item in found if item["Type"] == "Instance")
        reply = requests.get(f"{self.url}/instances/{identifier}/file", timeout=_TIMEOUT)
        reply.raise_for_status()
        path.write_bytes(reply.content)
        return path

    def take(self, content: bytes) -> None:
        """Store a DICOM file by the REST interface. Raises requests.RequestException."""
        requests.post(f"{self.url}/instances", data=content, timeout=_TIMEOUT).raise_for_status()

    def holds(self, sop_uid: str) -> bool:
        """Whether it holds this instance. Raises requests.RequestException."""
        reply = requests.post(f"{self.url}/tools/lookup", data=sop_uid, timeout=_TIMEOUT)
        reply.raise_for_status()
        return any(item["Type"] == "Instance" for item in reply.json())


def listens(port: int) -> bool:
    """Whether something on this machine takes connections at `port`."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
