"""Reading a DICOM SEG as one image whose values are the segment numbers."""

from dataclasses import dataclass

import highdicom as hd
import numpy as np
import SimpleITK
from highdicom.seg import SegmentationTypeValues
from pydicom import Dataset
from pydicom.uid import SegmentationStorage

LABELMAP_SEGMENTATION_STORAGE = "1.2.840.10008.5.1.4.1.1.66.7"


@dataclass(frozen=True)
class MultiClassReadResult:
    dataset: Dataset
    volume: hd.Volume  # (slices, rows, columns), affine of that index in LPS millimetres

    @property
    def data(self) -> np.ndarray:
        return self.volume.array

    @property
    def image(self) -> SimpleITK.Image:
        # SimpleITK counts (column, row, slice), the volume (slice, row, column).
        image = SimpleITK.GetImageFromArray(self.volume.array)
        image.SetOrigin([float(value) for value in self.volume.position])
        image.SetSpacing([float(value) for value in reversed(self.volume.spacing)])
        image.SetDirection([float(value) for value in self.volume.direction[:, ::-1].ravel()])
        return image


class MultiClassReader:
    def read(self, dataset: Dataset) -> MultiClassReadResult:
        """The segments of `dataset` in one volume; ValueError where they do not fit in one."""
        sop_class = dataset.get("SOPClassUID")
        if sop_class not in (SegmentationStorage, LABELMAP_SEGMENTATION_STORAGE):
            raise ValueError(f"This is no DICOM SEG: its SOP class is {sop_class}.")
        seg = hd.seg.Segmentation.from_dataset(dataset)
        if seg.segmentation_type == SegmentationTypeValues.FRACTIONAL:
            raise ValueError("A fractional DICOM SEG has no one segment per voxel: a binary one is needed.")
        try:
            volume = seg.get_volume(combine_segments=True)
        except RuntimeError as error:  # overlapping segments, or frames on no regular grid
            raise ValueError(f"The DICOM SEG cannot be read as one image: {error}") from error
        return MultiClassReadResult(dataset=dataset, volume=volume)
