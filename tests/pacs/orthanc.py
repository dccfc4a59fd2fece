"""A real DICOMweb server for tests: Debian's Orthanc with its DICOMweb plugin."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sdseg.serving.launch import free_port

ORTHANC = shutil.which("Orthanc") or shutil.which("Orthanc", path="/usr/sbin:/usr/local/sbin")
PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")


def run_orthanc(home: Path) -> Iterator[str]:
    """The DICOMweb address of an Orthanc with a password, stopped at the end.

    Where there is none the test is skipped, but in CI, which installs it, fails.
    """
    if ORTHANC is None or not PLUGIN.exists():
        missing = "Orthanc is not installed; scripts/install-system-deps.sh does it on Debian."
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
    port = free_port()
    configuration = home / "orthanc.json"
    configuration.write_text(
        f"""{{"HttpPort": {port}, "DicomPort": {free_port()}, "StorageDirectory": "{home}/db",
        "IndexDirectory": "{home}/db", "Plugins": ["{PLUGIN}"], "DicomWeb": {{"Enable": true}},
        "RemoteAccessAllowed": false, "AuthenticationEnabled": true,
        "RegisteredUsers": {{"reader": "p@ss word"}}}}"""
    )
    with (home / "log").open("wb") as log:
        server = subprocess.Popen([ORTHANC, str(configuration)], stdout=log, stderr=log)
    try:
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield f"http://reader:p%40ss%20word@127.0.0.1:{port}/dicom-web"
    finally:
        server.terminate()
        server.wait(timeout=20)
