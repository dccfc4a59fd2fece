"""STOW-RS: objects lie beside their source, and what a person segmented is a label at once."""

import shutil
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
from app.running_server import copy_sample, run_server
from dicomweb.web import Web, file_bytes, mask_on, path_of
from helpers.dicom_series import SeriesMaker
from pydicom import Dataset, dcmread
from pydicom.pixels import compress
from pydicom.uid import RLELossless, generate_uid

from sdseg.dicom.seg_writer import build_seg
from sdseg.dicom.series import Series
from sdseg.inference.provenance import provenance_from

TOLD = {"label_names": {"brain": 1}, "model_name": "m", "preset": "tiny", "weights_sha256": "a" * 64, "seed": 0}
STORED, FAILED, OTHERS = "00081199", "00081198", "0008119A"


def ohif_seg(series: Series, label: str = "Brain", algorithm: str = "MANUAL", kind: str = "BINARY") -> Dataset:
    """As OHIF writes it: generic codes, the label as name, no time zone, UTC."""
    seg = build_seg(series, mask_on(series), {"brain": 1}, None, segmentation_type=kind)
    for item in seg.SegmentSequence:
        if item.get("SegmentNumber") == 1:
            item.SegmentLabel, item.SegmentAlgorithmType, item.SegmentAlgorithmName = label, algorithm, "OHIF Brush"
            for sequence in (item.SegmentedPropertyCategoryCodeSequence, item.SegmentedPropertyTypeCodeSequence):
                sequence[0].CodeValue, sequence[0].CodingSchemeDesignator = "T-D0050", "SRT"
                sequence[0].CodeMeaning = "Tissue"
    if kind == "LABELMAP":
        compress(seg, RLELossless, generate_instance_uid=False)
    return renewed(seg)


def renewed(seg: Dataset) -> Dataset:
    seg = deepcopy(seg)
    seg.SeriesInstanceUID = generate_uid()
    seg.SOPInstanceUID = seg.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    return seg


@pytest.fixture(scope="module")
def studies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stow") / "studies"
    copy_sample(folder / "patient" / "t1")
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, studies: Path, weights: Path) -> Iterator[Web]:
    for server in run_server(tmp_path_factory.mktemp("stowing"), studies, weights):
        yield Web(server)


@pytest.fixture(params=["folder", "behind"])
def archive(request: pytest.FixtureRequest) -> Web:
    """A folder, and a PACS behind the server."""
    web: Web = request.getfixturevalue(request.param)
    return web


def final(web: Web, series: Series) -> dict:
    objects = web.server.get("/datastore/", output="all").json()["objects"]
    return dict(objects[series.series_instance_uid]["labels"].get("final", {}).get("info", {}))


def test_what_is_stored_is_a_label_of_its_series_at_once(archive: Web, series: Series) -> None:
    automatic = renewed(build_seg(series, mask_on(series), {"brain": 1}, provenance_from(TOLD)))
    reply = archive.post(automatic)
    assert reply.status_code == 200 and len(reply.json()[STORED]["Value"]) == 1, reply.text
    assert "AUTOMATIC" in reply.headers["Warning"] and archive.completed() == 0
    before = final(archive, series)
    seg = ohif_seg(series)
    reply = archive.post(seg)
    assert reply.status_code == 200 and "Warning" not in reply.headers
    assert reply.json()[STORED]["Value"][0]["00081155"]["Value"] == [str(seg.SOPInstanceUID)]
    assert archive.completed() == 1
    told = final(archive, series)
    assert told["label_values"] == {"brain": 1} and told["dicom_seg"]["series"] == str(seg.SeriesInstanceUID)
    assert told != before
    (listed,) = archive.get(
        f"/studies/{seg.StudyInstanceUID}/series", SeriesInstanceUID=str(seg.SeriesInstanceUID)
    ).json()
    assert listed["00080060"]["Value"] == ["SEG"]
    # In pieces, as a viewer fetches it.
    back = archive.client.retrieve_instance(
        str(seg.StudyInstanceUID), str(seg.SeriesInstanceUID), str(seg.SOPInstanceUID)
    )
    assert np.array_equal(back.pixel_array, seg.pixel_array)


def test_the_last_one_stored_counts_whatever_its_clock_says(archive: Web, series: Series) -> None:
    archive.post(ohif_seg(series))
    seg = ohif_seg(series)
    seg.PixelData = bytes(len(seg.PixelData) - 8) + b"\xff" * 8
    seg.ContentDate, seg.ContentTime = "", ""
    seg.SeriesTime, seg.InstanceCreationTime = "000000", "000000"
    assert archive.post(seg).status_code == 200
    assert final(archive, series)["dicom_seg"]["series"] == str(seg.SeriesInstanceUID)


def test_a_labelmap_compressed_as_newer_ohif_writes_it(folder: Web, series: Series) -> None:
    seg = ohif_seg(series, kind="LABELMAP")
    assert seg.file_meta.TransferSyntaxUID == RLELossless
    folder.post(ohif_seg(series, label="other"))
    reply = folder.post(seg)
    assert reply.status_code == 200 and "Warning" not in reply.headers
    assert final(folder, series)["dicom_seg"]["series"] == str(seg.SeriesInstanceUID)
    assert final(folder, series)["label_values"] == {"brain": 1}


def test_a_segment_that_the_model_does_not_know_keeps_its_name_and_is_told(archive: Web, series: Series) -> None:
    reply = archive.post(ohif_seg(series, label="Thing 7"))
    assert reply.status_code == 200 and '\\"' not in reply.headers["Warning"] and "Thing 7" in reply.headers["Warning"]
    assert final(archive, series)["label_values"] == {"Thing 7": 1}
    assert archive.completed() == 1


def test_a_seg_that_does_not_fit_is_stored_and_told(archive: Web, series: Series) -> None:
    before = final(archive, series)
    seg = ohif_seg(series)
    for frame in seg.PerFrameFunctionalGroupsSequence:
        frame.PlanePositionSequence[0].ImagePositionPatient[0] += 0.4
    reply = archive.post(seg)
    assert reply.status_code == 200 and "not taken as a label" in reply.headers["Warning"]
    assert "SAMPLE" not in reply.headers["Warning"]
    assert final(archive, series) == before


def test_it_lies_beside_its_source_to_the_last_byte(folder: Web, studies: Path, series: Series) -> None:
    seg = ohif_seg(series)
    folder.post(seg)
    (path,) = (studies / "patient").glob(f"SEG_*/{seg.SOPInstanceUID}.dcm")
    assert path.read_bytes() == file_bytes(seg)


def test_the_same_again_is_stored_and_another_is_refused(folder: Web, studies: Path, slices: list[Dataset]) -> None:
    files = sorted(path for path in studies.rglob("*") if path.is_file())
    reply = folder.post(*slices)
    assert reply.status_code == 200 and len(reply.json()[STORED]["Value"]) == len(slices)
    other = deepcopy(slices[0])
    other.PixelData = bytes(len(other.PixelData))
    reply = folder.post(other)
    assert reply.status_code == 409 and STORED not in reply.json()
    (item,) = reply.json()[FAILED]["Value"]
    assert item["00081197"]["Value"] == [0x0111] and item["00081155"]["Value"] == [str(other.SOPInstanceUID)]
    reply = folder.post(other, slices[1])
    assert reply.status_code == 202 and len(reply.json()[STORED]["Value"]) == len(reply.json()[FAILED]["Value"]) == 1
    assert sorted(path for path in studies.rglob("*") if path.is_file()) == files
    assert dcmread(studies / "patient" / "t1" / Path(slices[0].filename).name) == slices[0]


def test_what_is_no_object_or_of_another_study_is_refused(folder: Web, slices: list[Dataset]) -> None:
    whole = file_bytes(slices[0])
    for broken in (b"nonsense", whole[:-1000], whole[:400], b"\0" * 128 + b"DICM"):
        reply = folder.post(broken)
        assert reply.status_code == 409 and STORED not in reply.json(), broken[:10]
        assert FAILED in reply.json() or OTHERS in reply.json()
    assert folder.post(slices[0], study=str(slices[0].StudyInstanceUID)).status_code == 200
    reply = folder.post(slices[0], study="1.2.3")
    assert reply.status_code == 409 and reply.json()[FAILED]["Value"][0]["00081197"]["Value"] == [0xA900]


def test_new_series_come_in_by_dicomweb_client_and_are_images(folder: Web, studies: Path, tmp_path: Path) -> None:
    new = SeriesMaker(slices=4, modality="MR", name="posted", patient_id="POSTED").save(tmp_path / "new")
    datasets = [dcmread(path) for path in sorted(new.iterdir())]
    answer = folder.client.store_instances(datasets)
    assert len(answer.ReferencedSOPSequence) == 4 and "FailedSOPSequence" not in answer
    assert answer.RetrieveURL == f"{folder.url}/studies/{datasets[0].StudyInstanceUID}"
    assert len(folder.get(f"{path_of(datasets[0], instance=False)}/instances").json()) == 4
    assert folder.server.get("/info/").json()["datastore"]["total"] == 2
    shutil.rmtree(studies / f"MR_{datasets[0].SeriesInstanceUID}")
