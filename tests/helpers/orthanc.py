"""A real PACS for tests: Debian's Orthanc, DICOM and DICOMweb, that can be stopped, killed and started again."""

import json
import os
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import requests

from sdseg.demo.orthanc import PLUGIN, PROGRAM, listens, missing_orthanc
from sdseg.serving.launch import free_port
from sdseg.tls_files import TlsFiles

USER, PASSWORD = "reader", "p@ss word"


def require_orthanc() -> None:
    """Skip the test where there is no Orthanc; in CI, which installs it, fail."""
    if missing := missing_orthanc():
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)


def modality(aet: str, port: int, *, host: str = "127.0.0.1", tls: bool = False) -> dict[str, Any]:
    """An entry of DicomModalities: a peer which Orthanc takes objects from and reports commitment to."""
    return {"AET": aet, "Host": host, "Port": port, "AllowStorageCommitment": True, "UseDicomTls": tls}


@dataclass
class Orthanc:
    """One server with its storage in `home`; the same ports and storage over all its lives."""

    home: Path
    aet: str
    http_port: int
    dicom_port: int
    configuration: dict[str, Any]
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def log(self) -> Path:
        return self.home / "orthanc.log"

    @property
    def rest(self) -> str:
        """Address of Orthanc's own REST interface, with credentials."""
        return f"http://{USER}:{quote(PASSWORD)}@127.0.0.1:{self.http_port}"

    @property
    def web(self) -> str:
        """DICOMweb address with credentials."""
        return f"{self.rest}/dicom-web"

    @property
    def plain_web(self) -> str:
        """DICOMweb address without credentials."""
        return f"http://127.0.0.1:{self.http_port}/dicom-web"

    @property
    def address(self) -> str:
        """Address of its DICOM side."""
        return f"dicom://{self.aet}@127.0.0.1:{self.dicom_port}"

    def get(self, path: str) -> Any:
        """JSON answer of the REST interface to GET `path`."""
        answer = requests.get(f"{self.rest}{path}", timeout=30)
        answer.raise_for_status()
        return answer.json()

    def find(self, level: str, query: Mapping[str, str]) -> list[str]:
        """Orthanc's identifiers of the resources (Patient, Study, Series, Instance) that match."""
        answer = requests.post(f"{self.rest}/tools/find", json={"Level": level, "Query": dict(query)}, timeout=30)
        answer.raise_for_status()
        return list(answer.json())

    def holds(self, sop_instance_uid: str) -> bool:
        return bool(self.find("Instance", {"SOPInstanceUID": sop_instance_uid}))

    def file(self, sop_instance_uid: str) -> bytes:
        """The DICOM file as Orthanc keeps it."""
        (identifier,) = self.find("Instance", {"SOPInstanceUID": sop_instance_uid})
        answer = requests.get(f"{self.rest}/instances/{identifier}/file", timeout=30)
        answer.raise_for_status()
        return answer.content

    def count(self, level: str = "instances") -> int:
        """How many patients, studies, series or instances it holds."""
        return len(self.get(f"/{level}"))

    def configure(self, **settings: Any) -> None:
        """Change settings of the configuration file; they hold from the next start."""
        self.configuration.update(settings)

    def start(self) -> None:
        """Start, and wait until both sides answer. A server that does not come up fails with its log."""
        assert self.process is None, "started already"
        assert PROGRAM is not None
        path = self.home / "orthanc.json"
        path.write_text(json.dumps(self.configuration, indent=1))
        with self.log.open("ab") as log:
            self.process = subprocess.Popen([PROGRAM, "--verbose", str(path)], stdout=log, stderr=log)
        deadline = time.monotonic() + 60
        while not (listens(self.dicom_port) and listens(self.http_port) and self._answers()):
            ended = self.process.poll() is not None
            assert not ended and time.monotonic() < deadline, self.log.read_text(errors="replace")[-3000:]
            time.sleep(0.05)

    def stop(self) -> None:
        """End it in good order; nothing happens if it does not run."""
        if self.process is not None:
            self.process.terminate()
            self._wait()

    def kill(self) -> None:
        """kill -9."""
        assert self.process is not None, "not started"
        self.process.kill()
        self._wait()

    def restart(self) -> None:
        self.stop()
        self.start()

    def _wait(self) -> None:
        assert self.process is not None
        try:
            self.process.wait(timeout=30)
        finally:
            self.process.kill()
            self.process = None

    def _answers(self) -> bool:
        try:
            return requests.get(f"{self.rest}/system", timeout=5).ok
        except requests.RequestException:
            return False


@contextmanager
def orthanc(
    home: Path,
    *,
    aet: str = "ORTHANC",
    modalities: Mapping[str, Mapping[str, Any]] | None = None,
    http_port: int | None = None,
    dicom_port: int | None = None,
    tls: TlsFiles | None = None,
    commitment: bool = True,
    extra: Mapping[str, Any] | None = None,
) -> Iterator[Orthanc]:
    """A running Orthanc with a password, killed at the end; skips or fails where it is not installed.

    Args:
        home: folder of its own: storage, index, configuration, log.
        modalities: its DicomModalities, see `modality`. None: anybody may echo and store; else only these.
        tls: its certificate, key and trusted CA; callers must then show a certificate of that CA.
        commitment: whether the modalities are allowed storage commitment.
        extra: further settings of orthanc.json, which win.
    """
    require_orthanc()
    home.mkdir(parents=True, exist_ok=True)
    http_port, dicom_port = http_port or free_port(), dicom_port or free_port()
    known = {name: {**entry, "AllowStorageCommitment": commitment} for name, entry in (modalities or {}).items()}
    configuration: dict[str, Any] = {
        "Name": aet,
        "HttpPort": http_port,
        "DicomPort": dicom_port,
        "DicomAet": aet,
        "DicomCheckCalledAet": True,
        "DicomAlwaysAllowEcho": modalities is None,
        "DicomAlwaysAllowStore": modalities is None,
        "DicomModalities": known,
        "StorageDirectory": str(home / "db"),
        "IndexDirectory": str(home / "db"),
        "Plugins": [str(PLUGIN)],
        "DicomWeb": {"Enable": True},
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": True,
        "RegisteredUsers": {USER: PASSWORD},
        **_tls_settings(tls),
        **(extra or {}),
    }
    server = Orthanc(home, aet, http_port, dicom_port, configuration)
    server.start()
    try:
        yield server
    finally:
        # Its good order takes seconds, and nobody reads the storage any more.
        if server.process is not None:
            server.kill()


def _tls_settings(tls: TlsFiles | None) -> dict[str, Any]:
    if tls is None:
        return {}
    return {
        "DicomTlsEnabled": True,
        "DicomTlsCertificate": str(tls.certificate),
        "DicomTlsPrivateKey": str(tls.key),
        "DicomTlsTrustedCertificates": str(tls.ca),
        "DicomTlsRemoteCertificateRequired": True,
    }
