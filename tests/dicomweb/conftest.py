"""A real server on a folder with all that lies in real folders, and one on a real Orthanc with a password."""

from collections.abc import Iterator
from pathlib import Path

import pydicom
import pytest
import requests
from app.running_server import copy_sample, run_server
from dicomweb.web import ODD_TEXT, Web, file_bytes, mask_on
from helpers.dicom_compress import compressed
from helpers.dicom_enhanced import EnhancedMaker
from helpers.dicom_series import SeriesMaker
from helpers.models import save_tiny_weights
from helpers.orthanc import PASSWORD, USER, Orthanc, orthanc
from pydicom import Dataset
from pydicom.uid import ImplicitVRLittleEndian

from sdseg.dicom.seg_writer import build_seg
from sdseg.dicom.series import Series, load_series


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_weights(tmp_path_factory.mktemp("weights") / "brain-tiny")


@pytest.fixture(scope="session")
def zoo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The studies folder."""
    home = tmp_path_factory.mktemp("zoo")
    folder = home / "studies"
    series = load_series(copy_sample(folder / "patient" / "t1"))
    build_seg(series, mask_on(series), {"brain": 1}, None).save_as(folder / "seg.dcm", enforce_file_format=True)
    labelmap = build_seg(series, mask_on(series), {"brain": 1}, None, segmentation_type="LABELMAP")
    labelmap.save_as(home / "labelmap.dcm", enforce_file_format=True)
    # From here on other studies.
    implicit = SeriesMaker(slices=3, name="implicit", patient_id="IMPLICIT")
    for number, dataset in enumerate(implicit.datasets()):
        dataset.SpecificCharacterSet, dataset.StudyDate = "ISO_IR 192", "20250607"
        dataset.PatientName = ODD_TEXT
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
        (folder / "implicit").mkdir(exist_ok=True)
        dataset.save_as(folder / "implicit" / f"{number}", implicit_vr=True, little_endian=True)
    strange = SeriesMaker(slices=1, name="strange", patient_id="STRANGE").datasets()[0]
    strange.SpecificCharacterSet = "ISO_IR 999"
    strange.StudyDescription = "caf\xe9"
    strange.add_new(0x00189073, "FD", float("nan"))
    strange.add_new(0x00091001, "OB", b"\1" * 5000)
    strange.save_as(folder / "strange.dcm", enforce_file_format=True)
    EnhancedMaker(name="enhanced", patient_id="ENHANCED").save(folder / "enhanced")
    for how in ("JPEG 2000 lossless", "RLE"):
        plain = SeriesMaker(slices=1, rows=64, columns=80, name=how, patient_id="COMPRESSED").datasets()[0]
        compressed(plain, how, home).save_as(folder / f"{how.split()[0]}.dcm", enforce_file_format=True)
    cut = SeriesMaker(slices=2, name="cut", patient_id="CUT").save(folder / "cut") / "IM_2.dcm"
    cut.write_bytes(cut.read_bytes()[:-500])
    (folder / "noise.dcm").write_bytes(b"\0" * 128 + b"DICM" + b"\xff\x00" * 400)
    return folder


@pytest.fixture(scope="session")
def web(tmp_path_factory: pytest.TempPathFactory, zoo: Path, weights: Path) -> Iterator[Web]:
    for server in run_server(tmp_path_factory.mktemp("server"), zoo, weights):
        yield Web(server)


@pytest.fixture(scope="session")
def pacs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    with orthanc(tmp_path_factory.mktemp("pacs")) as running:
        yield running


@pytest.fixture(scope="session")
def slices(tmp_path_factory: pytest.TempPathFactory) -> list[Dataset]:
    """The sample series."""
    folder = copy_sample(tmp_path_factory.mktemp("source") / "t1")
    return [pydicom.dcmread(path) for path in sorted(folder.iterdir())]


@pytest.fixture(scope="session")
def series(tmp_path_factory: pytest.TempPathFactory) -> Series:
    return load_series(copy_sample(tmp_path_factory.mktemp("series") / "t1"))


@pytest.fixture(scope="session")
def behind(
    tmp_path_factory: pytest.TempPathFactory, pacs: Orthanc, slices: list[Dataset], weights: Path
) -> Iterator[Web]:
    """A server whose archive is the Orthanc, with its login in the environment."""
    boundary, body = (
        "x",
        b"".join(b"--x\r\nContent-Type: application/dicom\r\n\r\n" + file_bytes(one) + b"\r\n" for one in slices),
    )
    headers = {"Content-Type": f'multipart/related; type="application/dicom"; boundary={boundary}'}
    assert requests.post(f"{pacs.web}/studies", data=body + b"--x--\r\n", headers=headers, timeout=60).ok
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SDSEG_DICOMWEB_USERNAME", USER)
        patch.setenv("SDSEG_DICOMWEB_PASSWORD", PASSWORD)
        servers = run_server(tmp_path_factory.mktemp("behind"), pacs.plain_web, weights)
        server = next(servers)
    yield Web(server)
    servers.close()
