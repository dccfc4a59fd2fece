"""Where a segmentation goes: DICOM SEG, labelmap or picture, chosen before the model runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from highdicom.seg import Segmentation
from PIL import Image

from sdseg.dicom.files import is_series
from sdseg.dicom.provenance import SegProvenance
from sdseg.dicom.seg_file import save_seg
from sdseg.dicom.seg_writer import SegmentationType, build_seg, type_value
from sdseg.dicom.series import load_series
from sdseg.errors import EmptySegmentationError, InputError
from sdseg.inference.provenance import provenance_of
from sdseg.inference.segmenter import SegmentationResult, Segmenter
from sdseg.inference.streaming import StreamedResult
from sdseg.inference.to_seg import seg_of_result
from sdseg.inference.told import nothing_found
from sdseg.volume.labelmap import save_labelmap
from sdseg.volume.recipe import is_picture

LABELMAP_SUFFIXES = (".nii.gz", ".nii", ".nrrd")
_ALL = (".dcm", *LABELMAP_SUFFIXES, ".png")


@dataclass(frozen=True)
class OutputFile:
    """A file a segmentation will be written to.

    Attributes:
        source: the image that is segmented.
        path: of the file; its suffix says the format.
        series_instance_uid: which series of `source`, where it holds several.
        segmentation_type: of a DICOM SEG, see `build_seg`.
    """

    source: Path
    path: Path
    series_instance_uid: str | None = None
    segmentation_type: SegmentationType = "BINARY"

    @classmethod
    def choose(
        cls,
        source: Path,
        output: Path,
        replace: bool = False,
        series_instance_uid: str | None = None,
        segmentation_type: SegmentationType = "BINARY",
    ) -> OutputFile:
        """The file for `output`, which may be a folder.

        Raises:
            InputError: the format does not suit the source, or the file exists and `replace` is False.
        """
        known = output.name.lower().endswith(_ALL)
        if output.suffix and not known and not output.is_dir():
            raise InputError(f"{output.name} has a suffix that is not written here; use {', '.join(_ALL)} or a folder.")
        path = output if known else output / cls._default_name(source)
        if path.suffix == ".dcm" and not is_series(source):
            raise InputError(f"A DICOM SEG needs a DICOM series, and {source.name} is none; write .nii.gz or .png.")
        if path.suffix == ".png" and not is_picture(source):
            raise InputError(f"{source.name} is a volume and cannot become one PNG; write .nii.gz or .dcm.")
        if is_picture(source) and path.suffix != ".png":
            raise InputError(f"{source.name} is a picture: write its mask as .png.")
        type_value(segmentation_type)
        if segmentation_type != "BINARY" and path.suffix != ".dcm":
            raise InputError(f"{path.name} is no DICOM SEG, so it has no segmentation type; write .dcm.")
        if path.exists() and not replace:
            raise InputError(f"{path} exists already; choose another output or add --force.")
        return cls(source, path, series_instance_uid, segmentation_type)

    @staticmethod
    def _default_name(source: Path) -> str:
        if is_series(source):
            return "segmentation.dcm"
        name = source.name
        stem = next((name[: -len(s)] for s in LABELMAP_SUFFIXES if name.endswith(s)), source.stem)
        return f"{stem}_seg.png" if is_picture(source) else f"{stem}_seg.nii.gz"

    def write(self, result: SegmentationResult | StreamedResult, segmenter: Segmenter, seed: int) -> None:
        """Write the result; a DICOM SEG only if something was found.

        Raises:
            EmptySegmentationError: nothing was found and the format is DICOM SEG.
        """
        if self.path.suffix == ".dcm":
            if result.is_empty:
                found = nothing_found(result.labels, result.left_out, result.model_slices)
                raise EmptySegmentationError(f"{found} in {self.source}: no DICOM SEG was written.")
            self.path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(result, StreamedResult):
                self._write_seg(result, segmenter, seed)
            else:
                save_seg(self._build_seg(result, provenance_of(segmenter, seed)), self.path)
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if self.path.suffix == ".png":
            # Pictures are shown rows first, (i, j) is (column, row). One structure is drawn in white.
            values = result.labelmap[:, :, 0].T
            several = len(result.labels) > 1
            Image.fromarray(values if several else (values > 0).astype(np.uint8) * 255).save(self.path)
        else:
            mask = result.compact if isinstance(result, StreamedResult) else result.labelmap
            save_labelmap(mask, result.affine, self.path)

    def _write_seg(self, result: StreamedResult, segmenter: Segmenter, seed: int) -> None:
        try:
            seg_of_result(result, segmenter, self.path, seed, segmentation_type=self.segmentation_type)
        except OSError as error:
            raise InputError(f"{self.path} cannot be written ({error.strerror}): choose another place.") from None

    def _build_seg(self, result: SegmentationResult, provenance: SegProvenance) -> Segmentation:
        # (column, row, slice) -> (slices, rows, columns)
        return build_seg(
            load_series(self.source, self.series_instance_uid, pixels="later"),
            result.labelmap.transpose(2, 1, 0),
            result.labels,
            provenance,
            segmentation_type=self.segmentation_type,
        )
