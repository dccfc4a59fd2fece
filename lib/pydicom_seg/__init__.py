"""Stand-in for the `pydicom_seg` package, so that MONAI Label 0.8.5 starts beside pydicom 3.

MONAI Label imports `pydicom_seg` when it starts. The package of that name (0.4.1, the last one) does not
import with pydicom 3, and highdicom needs pydicom 3. This one offers the names MONAI Label uses, and does
with them what can be done rightly:

- `MultiClassReader` reads, through highdicom. Its image has the geometry of the SEG, which is only the slices
  between the first and the last that hold a segment: to compare it with the source series, use
  `sdseg.dicom.seg_reader`, which knows that series.
- `MultiClassWriter` and `template` refuse. A SEG needs the right code for each structure and the model that
  made it, and MONAI Label does not hand them over: `sdseg.dicom.seg_writer` writes it instead.

Nothing of ours calls this package; see docs/install.md.
"""

from pydicom_seg import template
from pydicom_seg.reader import MultiClassReader, MultiClassReadResult
from pydicom_seg.writer import MultiClassWriter

__all__ = ["MultiClassReadResult", "MultiClassReader", "MultiClassWriter", "template"]
