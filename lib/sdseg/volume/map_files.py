"""Numbers a voxel, such as probabilities, in NIfTI files."""

import gzip
from pathlib import Path

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from sdseg.errors import InputError
from sdseg.volume.mask_files import whole_file

_FAST = 3  # gzip: probabilities hardly shrink further


def save_map(values: NDArray[np.float32], affine: NDArray[np.floating], path: Path) -> Path:
    """Write a map as NIfTI-1, float32, millimetres (.nii.gz), in one step and return the path.

    Args:
        values: (i, j, k).
        affine: 4x4, index (i, j, k) to RAS mm.

    Raises InputError: another suffix, or the file cannot be written.
    """
    if not path.name.lower().endswith(".nii.gz"):
        raise InputError(f"{path.name} is of another kind: maps are written as .nii.gz.")
    image = nib.Nifti1Image(np.asarray(values, dtype=np.float32), affine)
    image.header.set_xyzt_units("mm")
    image.set_sform(affine, code=1)
    image.set_qform(affine, code=1)
    with whole_file(path) as stream:
        stream.write(gzip.compress(bytes(image.to_bytes()), _FAST, mtime=0))
    return path
