"""What an annotator, a viewer and an administrator do with a running server: as few words as in the page about it."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import numpy as np
import pydicom
import requests
from app.running_server import Server
from dicomweb.web import file_bytes
from loop.patients import Patient
from numpy.typing import NDArray
from pydicom import Dataset, FileDataset

from sdseg.dicom.seg_writer import build_seg
from sdseg.dicom.series import Series
from sdseg.inference.provenance import provenance_from

SECONDS = 120
TEACH = {"max_steps": 30, "learning_rate": 2e-3, "train_batch_size": 4, "val_split": 0}
"""Of a training that learns in seconds what a disc is."""


@dataclass
class Annotator:
    """One who looks at what is asked for, and draws the truth over what the model found.

    Attributes:
        server: the running server.
        patients: all there are, by the id of their image.
        sources: their series, likewise.
        web: address of the DICOMweb server where his viewer stores segmentations.
        seen: who was labelled, in that order.
    """

    server: Server
    patients: dict[str, Patient]
    sources: dict[str, Series]
    web: str
    seen: list[Patient] = field(default_factory=list)

    def ask(self) -> Patient:
        """Whom to label next."""
        reply = self.server.post("/activelearning/sdseg_uncertainty", {"client_id": "reader-1"})
        assert reply.ok, reply.text
        return self.patients[reply.json()["id"]]

    def correct(self, patient: Patient, mask: NDArray[np.uint8] | None = None) -> None:
        """Segment, draw the truth (or `mask`) over it, and store that as a DICOM SEG."""
        found = self.segment(patient)
        drawn = patient.truth() if mask is None else mask
        edited = build_seg(self.sources[patient.image], drawn, {"brain": 1}, provenance_from(found), edited=True)
        edited.ContentCreatorName = "READER-1"
        stow(self.web, edited)
        if patient not in self.seen:
            self.seen.append(patient)

    def segment(self, patient: Patient) -> dict[str, Any]:
        """What an inference tells of itself."""
        reply = self.server.infer(patient.image, output="json")
        assert reply.ok, reply.text
        return dict(reply.json())

    def segmentation(self, patient: Patient) -> FileDataset:
        """The DICOM SEG of an inference."""
        reply = self.server.infer(patient.image, output="dicom_seg")
        assert reply.ok, reply.text
        return pydicom.dcmread(BytesIO(reply.content))

    @property
    def judges(self) -> list[Patient]:
        """The second and the fifth: with 0.4 of the patients the others train."""
        return [patient for place, patient in enumerate(self.seen, 1) if place in (2, 5)]

    def served(self) -> str:
        return str(self.server.get("/model/info/sdseg").json()["checksum"]).removeprefix("SHA256:")

    def train(self, **params: Any) -> dict[str, Any]:
        """The training as GET /jobs/ tells it when it has ended."""
        reply = self.start(**params)
        assert reply.ok, reply.text
        return self.ended()

    def start(self, **params: Any) -> requests.Response:
        return self.server.post("/train/sdseg", {**TEACH, **params})

    def stats(self) -> dict[str, Any]:
        return dict(self.server.get("/info/").json()["train_stats"]["sdseg"])

    def training(self) -> dict[str, Any]:
        return dict(self.server.get("/jobs/").json()["training"] or {})

    def ended(self) -> dict[str, Any]:
        """The training when its process is gone."""
        until(lambda: self.training().get("state") not in ("running", "paused"))
        self.server.wait_for("/train/")
        return self.training()


def stow(url: str, *objects: Dataset) -> None:
    """STOW-RS (PS3.18 10.5) to a DICOMweb address; nothing may be refused or warned of."""
    boundary = "b0undary"
    head = f"--{boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode()
    body = b"".join(head + file_bytes(one) + b"\r\n" for one in objects) + f"--{boundary}--\r\n".encode()
    headers = {
        "Content-Type": f'multipart/related; type="application/dicom"; boundary={boundary}',
        "Accept": "application/dicom+json",
    }
    reply = requests.post(f"{url}/studies", data=body, headers=headers, timeout=60)
    assert reply.status_code == 200 and "Warning" not in reply.headers, (reply.headers, reply.text)


def weights_in(segmentation: Dataset) -> str:
    """Algorithm Parameters (0066,0032) of a DICOM SEG."""
    (item, *_) = segmentation.SegmentSequence
    (algorithm,) = item.SegmentationAlgorithmIdentificationSequence
    told = dict(part.strip().split("=", 1) for part in str(algorithm.AlgorithmParameters).split(","))
    return told["weights_sha256"]


def dice(segmentation: Dataset, truth: NDArray[np.uint8]) -> float:
    """Of a DICOM SEG whose frames are the slices with something, in their order."""
    found = np.zeros_like(truth)
    frames = np.atleast_3d(segmentation.pixel_array.T).T
    for frame, item in zip(frames, segmentation.PerFrameFunctionalGroupsSequence, strict=True):
        position = float(item.PlanePositionSequence[0].ImagePositionPatient[2])
        slices = [Patient().position(index)[2] for index in range(len(truth))]
        found[int(np.argmin(np.abs(np.array(slices) - position)))] |= (frame > 0).astype(np.uint8)
    return float(2 * (found & truth).sum() / (found.sum() + truth.sum()))


def until(condition: Callable[[], Any]) -> Any:
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.1)
    raise AssertionError("it did not happen")
