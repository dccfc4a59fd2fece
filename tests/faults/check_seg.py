"""Whether a stored SEG is the right one: made of this study's images, and equal to one computed directly."""

from functools import cache
from pathlib import Path

import numpy as np
import pydicom

from faults.world import WEIGHTS, World
from sdseg.demo.orthanc import Found, Orthanc
from sdseg.demo.studies import SmallStudy
from sdseg.dicom.seg_reader import read_seg
from sdseg.dicom.series import load_series
from sdseg.inference.segmenter import Segmenter


@cache
def segmenter() -> Segmenter:
    """The sample model in this process."""
    return Segmenter.load(WEIGHTS)


def check_seg(world: World, archive: Orthanc, seg: Found, study: SmallStudy) -> None:
    """Fail unless the SEG belongs to `study` and holds the mask which the model gives here."""
    path = archive.fetch(seg.sop_uid, world.folder / f"{seg.sop_uid}.dcm")
    dataset = pydicom.dcmread(path)
    referenced = dataset.ReferencedSeriesSequence[0]
    assert referenced.SeriesInstanceUID == study.series_uid
    # PS3.3 C.7.6.16: only instances that bear a frame need be named; none of another study may be.
    named = {str(item.ReferencedSOPInstanceUID) for item in referenced.ReferencedInstanceSequence}
    assert named == set(study.files)
    assert (dataset.PatientID, dataset.StudyInstanceUID) == (patient_of(study.folder), study.study_uid)
    labelmap, labels = read_seg(path, load_series(study.folder))
    expected = segmenter().segment(study.folder)
    assert labels == expected.labels
    assert np.array_equal(labelmap, expected.labelmap.transpose(2, 1, 0)), f"study {study.number} has another mask"
    assert labelmap.any()


def patient_of(folder: Path) -> str:
    """PatientID of a study's folder."""
    return str(pydicom.dcmread(next(folder.glob("*.dcm")), stop_before_pixels=True).PatientID)
