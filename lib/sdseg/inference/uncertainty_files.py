"""Maps of probability and disagreement in files: named before the model runs, written beside the segmentation."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from sdseg.dicom.codes import plain
from sdseg.dicom.files import is_series
from sdseg.dicom.parametric_map import DISAGREEMENT, PROBABILITY, build_map, over
from sdseg.dicom.provenance import SegProvenance
from sdseg.dicom.seg_file import save_seg
from sdseg.dicom.series import load_series
from sdseg.errors import InputError
from sdseg.inference.uncertainty import Uncertainty
from sdseg.volume.map_files import save_map

_ENDINGS = (".nii.gz", ".nii", ".nrrd", ".dcm", ".png")


@dataclass(frozen=True)
class MapFiles:
    """`<output>_<structure>_<quantity>.nii.gz` and, of a volume in DICOM, `.dcm`.

    Attributes:
        folder: where they go.
        stem: of their names.
        dicom: the series they belong to, a folder or file; None for other images.
        series_instance_uid: which series of the folder, where it holds several.
    """

    folder: Path
    stem: str
    dicom: Path | None = None
    series_instance_uid: str | None = None

    @classmethod
    def beside(cls, output: Path, source: Path, series_instance_uid: str | None = None) -> MapFiles:
        """The maps of a segmentation that will be written to `output`."""
        name = output.name
        stem = next((name[: -len(ending)] for ending in _ENDINGS if name.lower().endswith(ending)), output.stem)
        return cls(output.parent, stem, source if is_series(source) else None, series_instance_uid)

    def check(self, labels: Iterable[str], noises: int, replace: bool) -> None:
        """InputError: a file exists and `replace` is False, or two structures would share one."""
        quantities = (PROBABILITY.name, DISAGREEMENT.name)[: min(noises, 2)]
        paths = [path for label in labels for name in quantities for path in self.paths(label, name)]
        if len(set(paths)) < len(paths):
            raise InputError("Two structures of the model differ only in how they are written; rename one.")
        existing = next((path for path in paths if path.exists()), None)
        if existing is not None and not replace:
            raise InputError(f"{existing} exists already; choose another output or add --force.")

    def paths(self, label: str, quantity: str) -> list[Path]:
        """The files of one map: NIfTI, then DICOM where there is a series."""
        name = f"{self.stem}_{re.sub(r'[^a-z0-9]+', '-', plain(label)).strip('-')}_{quantity}"
        return [self.folder / f"{name}{ending}" for ending in (".nii.gz", *([".dcm"] if self.dicom else []))]

    def write(self, uncertainty: Uncertainty, provenance: SegProvenance) -> list[Path]:
        """Write all maps and return their paths. InputError: a file cannot be written."""
        self.folder.mkdir(parents=True, exist_ok=True)
        series = load_series(self.dicom, self.series_instance_uid) if self.dicom else None
        series = series if series and series.is_volume else None  # pictures cannot have a Parametric Map
        provenance = over(provenance, len(uncertainty.seeds))
        written: list[Path] = []
        for quantity, maps in ((PROBABILITY, uncertainty.probability), (DISAGREEMENT, uncertainty.disagreement)):
            for label, values in maps.items():
                nifti, *dicom = self.paths(label, quantity.name)
                written.append(save_map(values, uncertainty.affine, nifti))
                if series is not None:
                    # (column, row, slice) -> (slices, rows, columns)
                    made = build_map(series, values.transpose(2, 1, 0), label, quantity, provenance)
                    written.append(save_seg(made, *dicom))
        return written
