"""A DICOM image series: headers and pixels of one volume or of pictures, valid or not built."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from sdseg.dicom.admission import Geometry, admit
from sdseg.dicom.files import read_file
from sdseg.dicom.geometry import SeriesGeometry
from sdseg.dicom.header import enumerate_labels, text
from sdseg.dicom.pixel_header import is_complete
from sdseg.dicom.pixels import frame_values
from sdseg.dicom.pixels_later import leave_pixels
from sdseg.dicom.scan import Scan, find_series, scan_folder
from sdseg.dicom.source_frame import SourceFrame
from sdseg.errors import GeometryError, InputError

__all__ = ["Series", "Source", "find_series", "load_series"]
Source = str | Path | Sequence[str | Path] | Sequence[Dataset]
Pixels = Literal["now", "later"]


@dataclass(frozen=True, eq=False)
class Series:
    """One series that passed the geometry gate.

    Attributes:
        frames: one per slice, in slice order: along the normal of a volume, by InstanceNumber of pictures.
        geometry: the grid of a volume; the sizes of pictures, which have no place in the patient.
        corrections: what the gate evened out, a sentence each, for the user.
    """

    frames: tuple[SourceFrame, ...]
    geometry: Geometry
    corrections: tuple[str, ...] = ()

    @classmethod
    def from_datasets(cls, datasets: Sequence[Dataset]) -> "Series":
        """Sorted and checked; GeometryError or InputError names what is wrong."""
        return cls(*admit(datasets))

    @property
    def datasets(self) -> tuple[Dataset, ...]:
        """The instances, each once, in the order of their first slice."""
        return tuple({id(frame.dataset): frame.dataset for frame in self.frames}.values())

    @property
    def is_volume(self) -> bool:
        """Whether the slices form one grid in the patient; pictures each stand alone."""
        return isinstance(self.geometry, SeriesGeometry)

    @property
    def grid(self) -> SeriesGeometry:
        """The geometry of a volume; GeometryError for pictures, which have none."""
        if not isinstance(self.geometry, SeriesGeometry):
            raise GeometryError(f"The {self.modality} pictures have no place in the patient: choose a volume.")
        return self.geometry

    @property
    def shape(self) -> tuple[int, int, int]:
        """(slices, rows, columns)."""
        return self.geometry.shape

    @property
    def channels(self) -> int:
        """3 for colour pictures, else 1."""
        return 1 if isinstance(self.geometry, SeriesGeometry) else self.geometry.channels

    @property
    def series_instance_uid(self) -> str:
        return text(self.datasets[0], "SeriesInstanceUID")

    @property
    def study_instance_uid(self) -> str:
        return text(self.datasets[0], "StudyInstanceUID")

    @property
    def modality(self) -> str:
        return text(self.datasets[0], "Modality")

    @property
    def affine(self) -> NDArray[np.float64]:
        """4x4 affine from index (column, row, slice) to RAS mm; the identity for pictures."""
        return self.geometry.affine

    def pixels(self) -> NDArray[np.float32]:
        """Modality values (HU for CT), float32 (slices, rows, columns), or RGB 0 to 255, (slices, rows, columns, 3).

        InputError if damaged.
        """
        volume = np.empty((*self.shape, 3) if self.channels == 3 else self.shape, dtype=np.float32)
        for plane, frame in zip(volume, self.frames, strict=True):
            plane[:] = frame_values(frame)
        return volume


def load_series(source: Source, series_instance_uid: str | None = None, pixels: Pixels = "now") -> Series:
    """The series in a folder, in files or in datasets.

    Where there are several, `series_instance_uid` chooses. With `pixels` "later" those of single-frame files are
    checked, but not kept: they are read again when they are asked for, so that the files must stay.
    InputError: nothing there, damaged files, several series without a choice; GeometryError: see `sdseg.dicom.gate`.
    """
    datasets = by_uid(read_source(source, series_instance_uid, pixels), series_instance_uid)
    return Series.from_datasets(datasets)


def read_source(source: Source, uid: str | None, pixels: Pixels = "now") -> list[Dataset]:
    """Datasets of `source`; of a folder, those of the chosen series only."""
    read = read_file if pixels == "now" else read_without_pixels
    if isinstance(source, str | Path):
        path = Path(source)
        return list(map(read, choose(scan_folder(path), path, uid) if not path.is_file() else [path]))
    return [item if isinstance(item, Dataset) else read(Path(item)) for item in source]


def read_without_pixels(path: Path) -> Dataset:
    """A file whose pixels are whole, or known not to be, and are left where they are."""
    dataset = read_file(path)
    leave_pixels(dataset, is_complete(dataset))
    return dataset


def choose(scan: Scan, folder: Path, uid: str | None) -> list[Path]:
    """Files of the one series, or of the one asked for."""
    if scan.unreadable:  # it may be a slice of the very series
        names = enumerate_labels([path.name for path in scan.unreadable])
        raise InputError(f"Truncated or damaged DICOM files in {folder}: {names}; send or copy them again.")
    if not scan.series:
        found = ", ".join(f"{count} of the kind {kind}" for kind, count in scan.others.most_common(3))
        instead = f", but {found}" if found else ""
        raise InputError(f"{folder} holds no DICOM images{instead}: give the folder of an image series.")
    if uid is not None and uid not in scan.series:
        raise InputError(f"{folder} does not hold the series {uid}, but {list_series(scan)}.")
    if uid is None and len(scan.series) > 1:
        raise InputError(f"{folder} holds several series, choose one by SeriesInstanceUID: {list_series(scan)}.")
    return scan.series[uid if uid is not None else next(iter(scan.series))]


def list_series(scan: Scan) -> str:
    """`1.2.3 (CT, 120 images), ...`."""
    described = (f"{uid} ({scan.modality[uid]}, {len(files)} images)" for uid, files in scan.series.items())
    return ", ".join(described)


def by_uid(datasets: list[Dataset], uid: str | None) -> list[Dataset]:
    """The datasets of one series."""
    found = Counter(text(dataset, "SeriesInstanceUID") for dataset in datasets)
    if not found:
        raise InputError("No DICOM images were given: give the folder or the files of an image series.")
    if uid is None and len(found) > 1:
        names = ", ".join(f"{name or 'without UID'} ({count} images)" for name, count in found.items())
        raise InputError(f"These are several series, choose one by SeriesInstanceUID: {names}.")
    if uid is not None and uid not in found:
        raise InputError(f"The series {uid} is not among the images given, but {', '.join(found)}.")
    return [dataset for dataset in datasets if uid is None or text(dataset, "SeriesInstanceUID") == uid]
