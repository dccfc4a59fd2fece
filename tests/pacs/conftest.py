import shutil
from collections.abc import Iterator
from pathlib import Path

import pydicom
import pytest
from helpers.orthanc import orthanc as run_orthanc
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, SegmentationStorage, generate_uid

SAMPLE = Path(__file__).parents[2] / "sample-data" / "dicom"
SLICES = 6


@pytest.fixture
def studies(tmp_path: Path) -> Path:
    """A studies folder with six slices of the sample series in a sub-folder of their own."""
    series = tmp_path / "studies" / "patient" / "t1"
    series.mkdir(parents=True)
    for path in sorted(SAMPLE.glob("*.dcm"))[:SLICES]:
        shutil.copy(path, series)
    return tmp_path / "studies"


@pytest.fixture
def source(studies: Path) -> Dataset:
    """The header of one slice."""
    return pydicom.dcmread(min(studies.rglob("IM_*.dcm")), stop_before_pixels=True)


@pytest.fixture
def seg(source: Dataset) -> Dataset:
    """The headers an archive looks at, of a segmentation of `source`; no frames."""
    seg = Dataset()
    seg.SOPClassUID = SegmentationStorage
    seg.SOPInstanceUID = generate_uid()
    seg.SeriesInstanceUID = generate_uid()
    seg.StudyInstanceUID = source.StudyInstanceUID
    seg.PatientID, seg.PatientName = source.PatientID, source.PatientName
    seg.PatientBirthDate, seg.PatientSex = "", ""
    seg.StudyDate, seg.StudyTime, seg.StudyID = source.StudyDate, source.StudyTime, source.StudyID
    seg.AccessionNumber, seg.ReferringPhysicianName = "", ""
    seg.Modality, seg.SeriesNumber, seg.InstanceNumber = "SEG", 900, 1
    referenced = Dataset()
    referenced.SeriesInstanceUID = source.SeriesInstanceUID
    seg.ReferencedSeriesSequence = [referenced]
    seg.file_meta = FileMetaDataset()
    seg.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    seg.file_meta.MediaStorageSOPClassUID = seg.SOPClassUID
    seg.file_meta.MediaStorageSOPInstanceUID = seg.SOPInstanceUID
    return seg


@pytest.fixture(scope="module")
def orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real DICOMweb server."""
    with run_orthanc(tmp_path_factory.mktemp("orthanc")) as running:
        yield running.web
