"""Where one slice of a series comes from: an instance, or a frame of one."""

from dataclasses import dataclass

from pydicom.dataset import Dataset

from sdseg.dicom.header import integer, label, text, uid


@dataclass(frozen=True, eq=False)
class SourceFrame:
    """One slice: an instance, and its 1-based frame `number` where that holds several (None for single-frame)."""

    dataset: Dataset
    number: int | None = None

    @property
    def sop_instance_uid(self) -> str:
        return uid(self.dataset, "SOPInstanceUID")

    @property
    def sop_class_uid(self) -> str:
        return text(self.dataset, "SOPClassUID")

    @property
    def key(self) -> tuple[str, int | None]:
        """What a reference to it names: SOPInstanceUID and frame number."""
        return self.sop_instance_uid, self.number

    @property
    def label(self) -> str:
        """How messages call it."""
        return label(self.dataset) if self.number is None else f"frame {self.number} of {label(self.dataset)}"


def frames_in(dataset: Dataset, several: bool) -> list[SourceFrame]:
    """The frames of one instance in stored order; numbered where its kind allows `several`."""
    if not several:
        return [SourceFrame(dataset)]
    return [SourceFrame(dataset, number) for number in range(1, (integer(dataset, "NumberOfFrames") or 1) + 1)]
