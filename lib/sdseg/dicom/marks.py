"""What tells apart the volumes that one series or instance holds at the same place: times, echoes, diffusion."""

from collections.abc import Iterable, Mapping

from sdseg.dicom.groups import group
from sdseg.dicom.header import short
from sdseg.dicom.source_frame import SourceFrame

# How messages call it, where a frame keeps it (functional group, attribute), where a single-frame image does.
MARKS = (
    ("stack", ("FrameContentSequence", "StackID"), "StackID"),
    ("temporal position", ("FrameContentSequence", "TemporalPositionIndex"), "TemporalPositionIdentifier"),
    ("echo time", ("MREchoSequence", "EffectiveEchoTime"), "EchoTime"),
    ("b-value", ("MRDiffusionSequence", "DiffusionBValue"), "DiffusionBValue"),
    ("trigger delay", ("CardiacSynchronizationSequence", "NominalCardiacTriggerDelayTime"), "TriggerTime"),
    ("complex component", ("MRImageFrameTypeSequence", "ComplexImageComponent"), "ComplexImageComponent"),
    ("acquisition", ("FrameContentSequence", "FrameAcquisitionNumber"), "AcquisitionNumber"),
)


def marks_of(frame: SourceFrame) -> dict[str, str]:
    """{mark: value} of those a frame has."""
    found = {
        name: short(frame.dataset, single) if frame.number is None else short(group(frame, sequence), keyword)
        for name, (sequence, keyword), single in MARKS
    }
    return {name: value for name, value in found.items() if value}


def differing(all_marks: Iterable[Mapping[str, str]]) -> str:
    """`temporal position 1, 2 and 3` for the first mark that differs; "" where none does."""
    listed = list(all_marks)
    for name, *_ in MARKS:
        values = list(dict.fromkeys(marks[name] for marks in listed if name in marks))
        if len(values) > 1:
            shown = ", ".join(values[:3])
            return f"{name} {shown}{' and others' if len(values) > 3 else ''}"
    return ""
