"""Twins of DICOM images in other transfer syntaxes, by dcmtk's and pydicom's encoders."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.dataset import FileDataset
from pydicom.pixels import compress
from pydicom.uid import JPEG2000Lossless, JPEGLSLossless, RLELossless

DCMTK = {
    "JPEG lossless, process 14": ["dcmcjpeg", "+el"],
    "JPEG lossless, first order": ["dcmcjpeg", "+e1"],
    "JPEG-LS lossless by dcmtk": ["dcmcjpls", "+el"],
    "RLE by dcmtk": ["dcmcrle"],
    "deflated": ["dcmconv", "+td"],
    "implicit VR": ["dcmconv", "+ti"],
    "big endian": ["dcmconv", "+tb"],
    "JPEG baseline": ["dcmcjpeg", "+eb", "+q", "95"],
    "JPEG extended": ["dcmcjpeg", "+ee", "+q", "95"],
}
PYDICOM = {
    "JPEG 2000 lossless": JPEG2000Lossless,
    "JPEG-LS lossless": JPEGLSLossless,
    "RLE": RLELossless,
}
LOSSLESS = [name for name in (*DCMTK, *PYDICOM) if name not in ("JPEG baseline", "JPEG extended")]


def compressed(dataset: FileDataset, how: str, folder: Path) -> FileDataset:
    """A copy of `dataset`, read back from a file in `folder`."""
    source, target = folder / "plain.dcm", folder / "compressed.dcm"
    dataset.save_as(source, enforce_file_format=True)
    if how in PYDICOM:
        twin = dcmread(source)
        uid = twin.SOPInstanceUID
        compress(twin, PYDICOM[how])
        twin.SOPInstanceUID = twin.file_meta.MediaStorageSOPInstanceUID = uid
        twin.save_as(target, enforce_file_format=True)
        return dcmread(target)
    program, *options = DCMTK[how]
    if shutil.which(program) is None:
        missing = f"{program} is not installed; scripts/install-system-deps.sh does it on Debian."
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
    keep = ["+un"] if program in ("dcmcjpeg", "dcmcjpls") else []
    subprocess.run([program, *options, *keep, str(source), str(target)], check=True, capture_output=True)
    return dcmread(target)
