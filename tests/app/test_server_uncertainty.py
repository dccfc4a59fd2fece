"""POST /infer with a number of noises: the maps in the archive, the maps in the reply, and what is refused."""

import gzip
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pydicom
import pytest
import torch
from app.running_server import Image, Server
from helpers.models import tiny_card
from helpers.tools import assert_valid
from monailabel.interfaces.datastore import Datastore

from sdseg.dicom.seg_reader import read_seg
from sdseg.inference.segmenter import Segmenter
from sdseg.inference.uncertainty import Uncertainty
from sdseg_app.stores.studies import open_datastore
from sdseg_app.tasks.batch_task import SDSegBatchInferTask

NOISES = 3


@pytest.fixture(scope="module")
def expected(server: Server, image: Image) -> Uncertainty:
    """What the library finds without a server."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as the server
    found = Segmenter.load(server.weights).segment(server.studies / "patient" / "t1", noises=NOISES).uncertainty
    torch.set_num_threads(threads)
    assert found is not None
    return found


def test_maps_are_filed_beside_the_segmentation(server: Server, image: Image, expected: Uncertainty) -> None:
    params = {"save_seg": True, "uncertainty": str(NOISES)}  # as 3D Slicer sends it
    told = server.infer(image.uid, params=params, output="json").json()
    assert told["seg"]["series"] and told["maps"].keys() == {"brain"}
    for quantity, maps in (("probability", expected.probability), ("disagreement", expected.disagreement)):
        path = Path(told["maps"]["brain"][quantity]["path"])
        assert_valid(path)
        stored = pydicom.dcmread(path)
        assert stored.SeriesDescription.endswith(f"{quantity} of brain")
        pixels = np.frombuffer(stored.FloatPixelData, "<f4").reshape(image.series.shape)
        np.testing.assert_allclose(pixels, maps["brain"].transpose(2, 1, 0), atol=1e-5)
    again = server.infer(image.uid, params=params, output="json").json()
    assert again["maps"] == told["maps"], "the same maps are the same objects, filed once"
    assert server.get("/datastore/").json()["total"] == 1, "a map is no image to segment"


def test_maps_are_returned_as_nifti(server: Server, image: Image, expected: Uncertainty) -> None:
    reply = server.infer(image.uid, params={"uncertainty": NOISES}, output="uncertainty")
    assert reply.headers["content-type"] == "application/zip"
    archive = zipfile.ZipFile(io.BytesIO(reply.content))
    names = {"map_brain_probability.nii.gz", "map_brain_disagreement.nii.gz", "mask.nrrd", "params.json"}
    assert set(archive.namelist()) == names
    assert json.loads(archive.read("params.json"))["label_names"] == {"brain": 1}
    found = nib.Nifti1Image.from_bytes(gzip.decompress(archive.read("map_brain_disagreement.nii.gz")))
    np.testing.assert_allclose(found.get_fdata(), expected.disagreement["brain"], atol=1e-5)
    np.testing.assert_allclose(found.affine, image.series.affine, atol=1e-3)
    plain = server.infer(image.uid, output="image").content
    assert archive.read("mask.nrrd") == plain, "the mask is that of the seed alone"


def test_a_labelmap_seg_is_returned_on_request(server: Server, image: Image) -> None:
    found = {}
    for kind in ("BINARY", "labelmap"):
        reply = server.infer(image.uid, params={"segmentation_type": kind}, output="dicom_seg")
        seg = pydicom.dcmread(io.BytesIO(reply.content))
        assert seg.SegmentationType == kind.upper()
        found[kind] = read_seg(seg, image.series)[0]
    np.testing.assert_array_equal(found["BINARY"], found["labelmap"])


@pytest.mark.parametrize(
    ("params", "output", "words"),
    [
        ({"uncertainty": 4}, "all", "uncertainty needs save_seg"),
        ({"uncertainty": 4}, "dicom_seg", "uncertainty needs save_seg"),
        ({}, "uncertainty", "needs a number of noises"),
        ({"uncertainty": "many"}, "uncertainty", "uncertainty must be a number of noises"),
        ({"uncertainty": -1}, "uncertainty", "uncertainty must be a number of noises"),
        ({"uncertainty": 101}, "uncertainty", "1 to 100 noises, not 101"),
        ({"uncertainty": "9" * 5000}, "uncertainty", "uncertainty must be a number of noises"),
        ({"segmentation_type": "FRACTIONAL"}, "dicom_seg", "FRACTIONAL is none of BINARY, LABELMAP"),
    ],
)
def test_a_wrong_request_is_told_in_one_sentence(
    server: Server, image: Image, params: dict[str, object], output: str, words: str
) -> None:
    reply = server.infer(image.uid, params=params, output=output)
    assert reply.status_code == 422, reply.text
    assert words in reply.json()["detail"]


def test_viewers_are_offered_both_as_text(server: Server) -> None:
    config = server.get("/info/").json()["models"]["sdseg"]["config"]
    assert config["uncertainty"] == "0" and config["segmentation_type"] == ["BINARY", "LABELMAP"]


def test_a_batch_measures_nothing(image: Image, image_folder: Path, tmp_path: Path) -> None:
    store = open_datastore(str(image_folder), tmp_path / "model", tiny_card)
    asked = []

    def infer(request: dict[str, Any], _: Datastore) -> dict[str, Any]:
        asked.append(request["uncertainty"])
        return {}

    SDSegBatchInferTask()({"model": "sdseg", "images": [image.uid], "uncertainty": 4}, store, infer)
    assert asked == [0], "nobody would come for the maps"
