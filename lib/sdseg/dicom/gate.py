"""The geometry gate: whether a series may be segmented, asked before any inference.

One question, one answer: `Accepted` with the series and what was corrected, or `Refused` with the reason and the
instances to blame. Whatever passes can be segmented and filed slice by slice. docs/images.md lists both.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from pydicom.dataset import Dataset

from sdseg.dicom.series import Series
from sdseg.errors import InputError


@dataclass(frozen=True)
class Accepted:
    """The series in slice order. `corrections`: what was evened out, a sentence each."""

    series: Series
    corrections: tuple[str, ...]


@dataclass(frozen=True)
class Refused:
    """`reason`: one sentence with culprit and remedy. `instances`: SOPInstanceUIDs of those to blame."""

    reason: str
    instances: tuple[str, ...]


def examine(datasets: Sequence[Dataset]) -> Accepted | Refused:
    """The answer for the images of one series, in any order."""
    try:
        series = Series.from_datasets(datasets)
    except InputError as error:
        return Refused(str(error), error.instances)
    return Accepted(series, series.corrections)
