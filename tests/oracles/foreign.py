"""SEGs as other programs write them: dcmqi, which is what 3D Slicer calls, and OHIF's adapters."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from helpers.tools import tool
from numpy.typing import NDArray

from sdseg.dicom.series import Series

TISSUE = {"CodeValue": "85756007", "CodingSchemeDesignator": "SCT", "CodeMeaning": "Tissue"}


def dcmqi_seg(
    series: Series,
    sources: Sequence[Path],
    mask: NDArray[np.uint8],
    names: Sequence[str],
    options: Sequence[str],
    seg: Path,
) -> Path:
    """What itkimage2segimage makes of the mask (slices, rows, columns); label k has the name number k."""
    image, described = seg.with_suffix(".nii.gz"), seg.with_suffix(".json")
    nib.save(nib.Nifti1Image(mask.transpose(2, 1, 0), series.affine), image)
    attributes = [
        {
            "labelID": number,
            "SegmentLabel": name,
            "SegmentAlgorithmType": "MANUAL",
            "SegmentedPropertyCategoryCodeSequence": TISSUE,
            "SegmentedPropertyTypeCodeSequence": TISSUE,
        }
        for number, name in enumerate(names, 1)
    ]
    described.write_text(
        json.dumps(
            {
                "ContentCreatorName": "Reader1",
                "SeriesNumber": "300",
                "InstanceNumber": "1",
                "SeriesDescription": "Segmentation",
                "ClinicalTrialSeriesID": "1",
                "ClinicalTrialTimePointID": "1",
                "segmentAttributes": [attributes],
            }
        )
    )
    command = [tool("itkimage2segimage"), "--inputImageList", str(image), "--inputMetadata", str(described)]
    command += ["--inputDICOMList", ",".join(map(str, sources)), "--outputDICOM", str(seg), *options]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert seg.exists(), result.stderr
    return seg


def ohif_job(
    sources: Sequence[Path], mask: NDArray[np.uint8], names: Sequence[str], kind: str, syntax: str, seg: Path
) -> dict[str, Any]:
    """Asks OHIF's adapter to write the mask (slices, rows, columns) as SEG."""
    mask.tofile(seg.with_suffix(".raw"))
    return {
        "task": "write",
        "sources": [*map(str, sources)],
        "labelmap": str(seg.with_suffix(".raw")),
        "names": list(names),
        "kind": kind,
        "transferSyntax": syntax,
        "seg": str(seg),
    }
