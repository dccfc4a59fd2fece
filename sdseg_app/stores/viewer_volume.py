"""A DICOM series as one file on the same voxel grid, for viewers that cannot load a folder."""

import os
import tempfile
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from sdseg.dicom.series import Series, load_series
from sdseg.jobs.cache import digest_of

_RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


def viewer_volume(folder: Path, cache: Path) -> Path:
    """`cache / <series> / <content>.nrrd`, written once for each content of the series.

    Args:
        folder: a fetched series, `.../<series>/<files>`. Of a folder archive it holds links, so that what they lead to
            may be replaced: the content is read every time.
        cache: where the files are kept.

    Raises:
        InputError: the series cannot be read or is unsafe (`GeometryError`).
    """
    target = cache / folder.parent.name / f"{digest_of(folder)[:16]}.nrrd"
    if target.is_file():
        return target
    image = _to_itk(load_series(folder))
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".part-") as scratch:
        partial = Path(scratch) / target.name
        sitk.WriteImage(image, str(partial), useCompression=True)
        os.replace(partial, target)
    return target


def _to_itk(series: Series) -> sitk.Image:
    """SimpleITK takes (slices, rows, columns), of colour a vector each, and describes the grid in LPS."""
    image = sitk.GetImageFromArray(series.pixels(), isVector=series.channels == 3)
    lps = _RAS_TO_LPS @ series.affine
    spacing = np.linalg.norm(lps[:3, :3], axis=0)
    image.SetSpacing(spacing.tolist())
    image.SetOrigin(lps[:3, 3].tolist())
    image.SetDirection((lps[:3, :3] / spacing).flatten().tolist())
    return image
