"""Whose an image is, as a SHA-256: of his identifier nothing else is kept."""

import hashlib
from pathlib import Path

import pydicom

from sdseg.dicom.files import READ_ERRORS, is_dicom, is_series
from sdseg.dicom.header import text
from sdseg.errors import InputError

_KEYWORDS = ["PatientID", "StudyInstanceUID"]


def digest_of_patient(name: str) -> str:
    """SHA-256, 64 hexadecimal digits, of a PatientID or what stands for it."""
    return hashlib.sha256(name.strip().encode()).hexdigest()


def patient_of(image: Path) -> str | None:
    """The digest of the PatientID (0010,0020) of a DICOM series folder, where that is empty of the StudyInstanceUID.

    None for files of other kinds, which name no patient. Raises InputError: the series cannot be read.
    """
    if not is_series(image):
        return None
    file = next((path for path in sorted(image.iterdir()) if path.is_file() and is_dicom(path)), None)
    if file is None:
        raise InputError(f"{image.name} holds no DICOM file; fetch the series again.")
    try:
        header = pydicom.dcmread(file, stop_before_pixels=True, specific_tags=_KEYWORDS)
    except READ_ERRORS as error:
        raise InputError(f"A file of the series {image.name} cannot be read; store the series again.") from error
    return digest_of_patient(text(header, "PatientID").strip() or text(header, "StudyInstanceUID"))
