"""The DICOMweb side of a running server, as tests ask it."""

from dataclasses import dataclass
from io import BytesIO

import numpy as np
import pydicom
import requests
from app.running_server import Server
from dicomweb_client.api import DICOMwebClient
from pydicom import Dataset

from sdseg.dicom.series import Series

AS_OHIF = "multipart/related; type=application/octet-stream; transfer-syntax=*"
ODD_TEXT = "Müller^Jürgen"


@dataclass
class Web:
    """The DICOMweb side of a running server."""

    server: Server

    @property
    def url(self) -> str:
        return f"{self.server.url}/dicom-web"

    @property
    def client(self) -> DICOMwebClient:
        client = DICOMwebClient(self.url)
        client.host = self.url.split("/")[2]  # its Host header lacks the port, and addresses in answers follow it
        return client

    def get(self, path: str, accept: str = "application/dicom+json", **query: str) -> requests.Response:
        return requests.get(f"{self.url}{path}", params=query, headers={"Accept": accept}, timeout=60)

    def post(self, *objects: Dataset | bytes, study: str = "") -> requests.Response:
        boundary = "b0undary"
        body = b"".join(
            f"--{boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode()
            + (one if isinstance(one, bytes) else file_bytes(one))
            + b"\r\n"
            for one in objects
        )
        headers = {"Content-Type": f'multipart/related; type="application/dicom"; boundary={boundary}'}
        path = f"{self.url}/studies" + (f"/{study}" if study else "")
        return requests.post(path, data=body + f"--{boundary}--\r\n".encode(), headers=headers, timeout=60)

    def completed(self) -> int:
        return int(self.server.get("/info/").json()["datastore"]["completed"])


def file_bytes(dataset: Dataset) -> bytes:
    buffer = BytesIO()
    pydicom.dcmwrite(buffer, dataset, enforce_file_format=True)
    return buffer.getvalue()


def path_of(dataset: Dataset, instance: bool = True) -> str:
    series = f"/studies/{dataset.StudyInstanceUID}/series/{dataset.SeriesInstanceUID}"
    return f"{series}/instances/{dataset.SOPInstanceUID}" if instance else series


def mask_on(series: Series) -> np.ndarray:
    """(slices, rows, columns) uint8, nowhere symmetric."""
    mask = np.zeros(series.shape, np.uint8)
    mask[2:5, 30:61, 40:97] = 1
    return mask
