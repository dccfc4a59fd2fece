"""Series, mask and SEG for the oracles, written to disk as a delivery would find them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from helpers.dicom_series import SeriesMaker
from numpy.typing import NDArray

from sdseg.dicom.provenance import SegProvenance
from sdseg.dicom.seg_writer import build_seg, save_seg
from sdseg.dicom.series import Series, load_series

LABELS = {"liver": 1, "right kidney": 2, "spleen": 3}
# By hand, not from the table of the product: SNOMED CT type and side.
CODES = {"liver": ("10200004", None), "right kidney": ("64033007", "24028007"), "spleen": ("78961009", None)}
PROVENANCE = SegProvenance("SDSeg toy", "1.2", "0123456789abcdef" * 4, seed=7, steps=1, preset="tiny")


@dataclass(frozen=True, eq=False)
class Case:
    """A SEG on disk, with what it was made from. `mask` (slices, rows, columns), its values as in `labels`."""

    series: Series
    folder: Path
    sources: tuple[Path, ...]
    mask: NDArray[np.uint8]
    labels: Mapping[str, int]
    seg: Path

    @property
    def counts(self) -> dict[str, int]:
        """Voxels of each label that has some."""
        found = {name: int((self.mask == value).sum()) for name, value in self.labels.items()}
        return {name: count for name, count in found.items() if count}

    @property
    def slices(self) -> list[dict[str, int]]:
        """The same for each slice."""
        return [
            {name: int((plane == value).sum()) for name, value in self.labels.items() if (plane == value).any()}
            for plane in self.mask
        ]


def case(maker: SeriesMaker, mask: NDArray[np.uint8], kind: str, folder: Path) -> Case:
    """Write the series of `maker` and the SEG of `mask` into `folder`."""
    maker.save(folder / "series")
    series = load_series(folder / "series")
    labels = {name: value for name, value in LABELS.items() if (mask == value).any()}
    seg = build_seg(series, mask, labels, PROVENANCE, segmentation_type=kind)  # type: ignore[arg-type]
    sources = tuple(Path(str(dataset.filename)) for dataset in series.datasets)  # type: ignore[attr-defined]
    return Case(series, folder, sources, mask, labels, save_seg(seg, folder / "seg.dcm"))


def mask_of(shape: tuple[int, int, int], what: str) -> NDArray[np.uint8]:
    """(slices, rows, columns): "scattered" voxels of three labels, "one frame" of it, a "corner" voxel, or "all"."""
    random = np.random.default_rng(sum(shape))
    scattered = random.choice(4, shape, p=[0.7, 0.1, 0.1, 0.1]).astype(np.uint8)
    if what == "all":
        return np.ones(shape, dtype=np.uint8)
    found = np.zeros(shape, dtype=np.uint8)
    if what == "corner":
        found[-1, -1, -1] = 2
    elif what == "one frame":
        found[shape[0] // 2] = scattered[shape[0] // 2]
        found[shape[0] // 2, 0, :3] = (1, 2, 3)
    else:
        found = scattered
        found[0, 0, :3] = (1, 2, 3)
    return found
