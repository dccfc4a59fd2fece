"""What encoding a DICOM SEG costs here, in turns with highdicom and pydicom on their own; prints JSON.

    .venv/bin/python scripts/seg_cost.py --rounds 9

The mask is the sample's reference on its 64 slices. highdicom is given the images as they were read, and its SEG is
saved and read back, as its documentation shows; nothing is checked. Ours hashes, describes, writes and flushes the SEG,
and holds the file against the mask and the series before it is there at all.
"""

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

import nibabel
import numpy as np
from highdicom.content import AlgorithmIdentificationSequence
from highdicom.seg import Segmentation, SegmentDescription
from numpy.typing import NDArray
from pydicom import Dataset, dcmread
from pydicom.sr.codedict import codes
from pydicom.uid import generate_uid
from tqdm import trange

from sdseg import __version__
from sdseg.dicom.provenance import SegProvenance
from sdseg.dicom.seg_planes import ArrayPlanes
from sdseg.dicom.seg_writer import write_seg
from sdseg.dicom.series import Series, load_series

SAMPLE = Path(__file__).resolve().parents[1] / "sample-data"
ALGORITHM = ("SDSeg", __version__)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9, help="after a first that does not count")
    rounds = parser.parse_args().rounds
    series = load_series(SAMPLE / "dicom", pixels="later")
    reference = nibabel.load(SAMPLE / "reference" / "S1_brain.nii.gz")
    mask = np.asarray(reference.dataobj, dtype=np.uint8).transpose(2, 1, 0)  # (slices, rows, columns)
    with tempfile.TemporaryDirectory(prefix="sdseg-seg-") as folder:
        print(json.dumps(measure(series, mask, Path(folder), rounds), indent=2))


def measure(series: Series, mask: NDArray[np.uint8], folder: Path, rounds: int) -> dict[str, float]:
    """Medians, milliseconds; `times`: ours over highdicom's."""
    images = [dcmread(frame.dataset.filename) for frame in series.frames]
    ours, theirs = [], []
    for _ in trange(rounds + 1, unit="round"):
        start = time.perf_counter()
        by_us(series, mask, folder / "ours.dcm")
        middle = time.perf_counter()
        by_highdicom(images, mask, folder / "theirs.dcm")
        ours.append(middle - start)
        theirs.append(time.perf_counter() - middle)
    first, second = (1000 * statistics.median(seconds[1:]) for seconds in (ours, theirs))
    return {"frames": int(mask.any(axis=(1, 2)).sum()), "ours": first, "highdicom": second, "times": first / second}


def by_us(series: Series, mask: NDArray[np.uint8], path: Path) -> None:
    provenance = SegProvenance(*ALGORITHM, "0" * 64, 0, 1, "small")
    write_seg(path, series, ArrayPlanes(mask), {"brain": 1}, provenance)


def by_highdicom(images: list[Dataset], mask: NDArray[np.uint8], path: Path) -> None:
    name, version = ALGORITHM
    segment = SegmentDescription(
        segment_number=1,
        segment_label="brain",
        segmented_property_category=codes.SCT.Organ,
        segmented_property_type=codes.SCT.Brain,
        algorithm_type="AUTOMATIC",
        algorithm_identification=AlgorithmIdentificationSequence(name, codes.DCM.ArtificialIntelligence, version),
    )
    Segmentation(
        source_images=images,
        pixel_array=mask,
        segmentation_type="BINARY",
        segment_descriptions=[segment],
        series_instance_uid=generate_uid(),
        series_number=1,
        sop_instance_uid=generate_uid(),
        instance_number=1,
        manufacturer="SDSeg",
        manufacturer_model_name="SDSeg",
        software_versions=version,
        device_serial_number="1",
    ).save_as(path)
    for frame in dcmread(path).PerFrameFunctionalGroupsSequence:
        assert frame.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID


if __name__ == "__main__":
    main()
