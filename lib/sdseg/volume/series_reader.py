"""MONAI's door to DICOM: a series folder becomes an array with an affine, through the geometry gate."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from monai.config import PathLike
from monai.data import ImageReader
from monai.utils import MetaKeys, SpaceKeys
from numpy.typing import NDArray

from sdseg.dicom.files import is_dicom
from sdseg.dicom.series import Series, load_series
from sdseg.errors import InputError

IS_PICTURE = "is_picture"
CORRECTIONS = "corrections"
Item = Path | list[Path]
"""A series folder, or the files of one series."""


class DicomSeriesReader(ImageReader):
    """Reads a folder or files of a CT, MR or PET series: `LoadImaged("image", reader=DicomSeriesReader())`.

    `series_instance_uid` chooses where a folder holds several series. The affine is in RAS mm, as that of
    MONAI's own readers is.
    """

    def __init__(self, series_instance_uid: str | None = None) -> None:
        super().__init__()
        self.series_instance_uid = series_instance_uid

    def verify_suffix(self, filename: Sequence[PathLike] | PathLike) -> bool:
        """Whether all paths are folders or DICOM files; suffixes say nothing about DICOM."""
        return all(path.is_dir() or is_dicom(path) for path in as_paths(filename))

    def read(self, data: Sequence[PathLike] | PathLike, **kwargs: Any) -> Item:
        """The folder, or the files, that `get_data` will load.

        Nothing is loaded yet: LoadImage turns what is raised here into a page of advice about readers, but
        lets errors of `get_data` through. A file of another format is refused here, so that the next reader
        gets it.
        """
        paths = as_paths(data)
        other = [path.name for path in paths if path.is_file() and not is_dicom(path)]
        if other:
            raise InputError(f"{other[0]} is not a DICOM file: give the folder of a series.")
        return paths[0] if len(paths) == 1 else paths

    def get_data(self, img: Item | Series) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Modality values, float32 (columns, rows, slices), of colour RGB (columns, rows, slices, 3), and meta data.

        Raises InputError, GeometryError.
        """
        series = img if isinstance(img, Series) else load_series(img, self.series_instance_uid)
        array = np.moveaxis(series.pixels(), (0, 1, 2), (2, 1, 0))
        return array, meta_data(series)


def meta_data(series: Series) -> dict[str, Any]:
    """What MONAI keeps about an image; `affine` maps (column, row, slice) to RAS mm, or is the identity of pictures.

    `is_picture`: each slice is a picture of its own, which has no anatomical directions.
    `corrections`: what the geometry gate evened out.
    """
    slices, rows, columns = series.shape
    return {
        MetaKeys.AFFINE: series.affine,
        MetaKeys.ORIGINAL_AFFINE: series.affine.copy(),
        MetaKeys.SPATIAL_SHAPE: np.array([columns, rows, slices]),
        MetaKeys.SPACE: SpaceKeys.RAS,
        MetaKeys.ORIGINAL_CHANNEL_DIM: "no_channel" if series.channels == 1 else -1,
        "modality": series.modality,
        IS_PICTURE: not series.is_volume,
        CORRECTIONS: list(series.corrections),
        "series_instance_uid": series.series_instance_uid,
    }


def as_paths(filename: Sequence[PathLike] | PathLike) -> list[Path]:
    """One path or several as a list."""
    several = isinstance(filename, Sequence) and not isinstance(filename, str | bytes)
    return [Path(str(name)) for name in (filename if several else [filename])]
