"""Build the sample data: one DICOM MR series with its reference mask, and one training pair.

    python sample-data/build_sample_data.py --source FOLDER

FOLDER holds S1_t1.nii.gz, S1_brainmask.nii.gz, colin27_t1.nii.gz and colin27_brainmask.nii.gz (README.md says
where they come from). Only slices above the face are written. A rebuild gives the same bytes.
"""

import argparse
import gzip
import hashlib
from pathlib import Path

import nibabel as nib
import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, MRImageStorage, generate_uid

HERE = Path(__file__).parent
S1_SLICES = slice(123, 187)
COLIN27_SLICES = slice(67, 153)
STUDY_DATE, STUDY_TIME = "20000101", "120000"
RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


def uid(*what: str) -> UID:
    """A UID that depends only on what it names."""
    return generate_uid(entropy_srcs=["sdseg sample data 1", *what])


def load_canonical(path: Path, slices: slice) -> tuple[NDArray[np.generic], NDArray[np.float64]]:
    """Voxels (R, A, S) of the axial `slices` and their RAS affine."""
    image = nib.as_closest_canonical(nib.load(path))
    part = image.slicer[:, :, slices]
    return np.asanyarray(part.dataobj), np.round(part.affine, 4)


def to_dicom_axes(voxels: NDArray, affine: NDArray) -> tuple[NDArray, NDArray]:
    """Flip (R, A, S) voxels in-plane to DICOM's axial (column to L, row to P, slice to S); affine stays RAS."""
    flip = np.eye(4)
    for axis in (0, 1):
        flip[axis, axis], flip[axis, 3] = -1.0, voxels.shape[axis] - 1
    return voxels[::-1, ::-1], affine @ flip


def save_nifti(voxels: NDArray, affine: NDArray, path: Path) -> None:
    """NIfTI-1, millimetres, without a time stamp in the gzip header."""
    image = nib.Nifti1Image(np.asfortranarray(voxels), affine)
    image.header.set_xyzt_units("mm")
    image.set_qform(affine, code=1)
    image.set_sform(affine, code=1)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(image.to_bytes(), compresslevel=9, mtime=0))


def common_attributes() -> Dataset:
    """What all instances share: patient, study, series, frame of reference, equipment, acquisition."""
    ds = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 100"
    ds.ImageType = ["DERIVED", "PRIMARY", "OTHER"]
    ds.SOPClassUID = MRImageStorage
    ds.StudyDate = ds.SeriesDate = ds.ContentDate = STUDY_DATE
    ds.StudyTime = ds.SeriesTime = ds.ContentTime = STUDY_TIME
    ds.AccessionNumber = ""
    ds.Modality = "MR"
    ds.Manufacturer = ""
    ds.ReferringPhysicianName = ""
    ds.StudyDescription = "SDSeg sample: brain MR"
    ds.SeriesDescription = "T1 1 mm, slices above the face"
    ds.DerivationDescription = "Canonical axial slices 123-186 of pycortex 1.4.0 subject S1 (anatomicals/raw)"
    ds.PatientName = "SAMPLE^S1"
    ds.PatientID = "SDSEG-S1"
    ds.PatientBirthDate = ds.PatientSex = ""
    ds.PatientIdentityRemoved = "YES"
    ds.DeidentificationMethod = "Published without identity; fixed dates; face left out"
    ds.LongitudinalTemporalInformationModified = "MODIFIED"
    ds.BodyPartExamined = "BRAIN"
    ds.ScanningSequence, ds.SequenceVariant, ds.ScanOptions = "RM", "NONE", ""
    ds.MRAcquisitionType = "3D"
    ds.RepetitionTime = ds.EchoTime = ds.EchoTrainLength = None
    ds.PatientPosition = "HFS"
    ds.StudyInstanceUID = uid("study")
    ds.SeriesInstanceUID = uid("series")
    ds.FrameOfReferenceUID = uid("frame of reference")
    ds.PositionReferenceIndicator = ""
    ds.StudyID, ds.SeriesNumber, ds.AcquisitionNumber = "1", 1, 1
    ds.BurnedInAnnotation = ds.RecognizableVisualFeatures = "NO"
    return ds


def add_pixels(ds: Dataset, plane: NDArray) -> None:
    """Image Pixel module from one plane (rows, columns)."""
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.Rows, ds.Columns = plane.shape
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 0
    ds.WindowCenter, ds.WindowWidth = 100, 200
    ds.PixelData = np.ascontiguousarray(plane, dtype="<u2").tobytes()
    ds["PixelData"].VR = "OW"


def file_meta(sop_instance_uid: UID) -> FileMetaDataset:
    meta = FileMetaDataset()
    meta.FileMetaInformationVersion = b"\x00\x01"
    meta.MediaStorageSOPClassUID = MRImageStorage
    meta.MediaStorageSOPInstanceUID = sop_instance_uid
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = uid("implementation")
    meta.ImplementationVersionName = "SDSEG_SAMPLE_1"
    return meta


def save_instance(plane: NDArray, position: NDArray, number: int, path: Path) -> None:
    """One MR Image Storage file; `plane` is (rows, columns), `position` LPS mm."""
    ds = FileDataset(str(path), common_attributes(), preamble=b"\0" * 128)
    ds.SOPInstanceUID = uid("instance", str(number))
    ds.InstanceNumber = number
    ds.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    ds.ImagePositionPatient = [f"{value:.4f}" for value in position]
    ds.PixelSpacing = [1, 1]
    ds.SliceThickness = ds.SpacingBetweenSlices = 1
    add_pixels(ds, plane)
    ds.file_meta = file_meta(ds.SOPInstanceUID)
    ds.save_as(path, enforce_file_format=True)


def build_dicom(source: Path) -> None:
    voxels, affine = to_dicom_axes(*load_canonical(source / "S1_t1.nii.gz", S1_SLICES))
    folder = HERE / "dicom"
    folder.mkdir(exist_ok=True)
    for k in range(voxels.shape[2]):
        position = (RAS_TO_LPS @ affine @ np.array([0, 0, k, 1.0]))[:3]
        save_instance(voxels[:, :, k].T, position, k + 1, folder / f"IM_{k + 1:04d}.dcm")


def build_nifti(source: Path) -> None:
    mask, affine = to_dicom_axes(*load_canonical(source / "S1_brainmask.nii.gz", S1_SLICES))
    save_nifti(mask.astype(np.uint8), affine, HERE / "reference" / "S1_brain.nii.gz")
    for name, kind in (("colin27_t1", "t1"), ("colin27_brainmask", "brain")):
        voxels, affine = load_canonical(source / f"{name}.nii.gz", COLIN27_SLICES)
        save_nifti(voxels.astype(np.uint8), affine, HERE / "train" / f"colin27_{kind}.nii.gz")


def write_checksums() -> None:
    """SHA256SUMS in the format of `sha256sum -c`."""
    files = sorted(path for folder in ("dicom", "reference", "train") for path in (HERE / folder).iterdir())
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(HERE)}\n" for path in files]
    (HERE / "SHA256SUMS").write_text("".join(lines))


def main() -> None:
    parser = argparse.ArgumentParser(description="Build the SDSeg sample data.")
    parser.add_argument("--source", type=Path, required=True, help="folder with the four source NIfTI files")
    source = parser.parse_args().source
    build_dicom(source)
    build_nifti(source)
    write_checksums()


if __name__ == "__main__":
    main()
