"""Whose segment is whose: by label, else by codes, never by guess."""

import pytest
from pydicom import Dataset

from sdseg_app.labels.segment_names import model_names

LABELS = ("liver", "spleen", "left kidney", "right kidney", "aorta")
LIVER, SPLEEN, KIDNEY = ("10200004", "SCT", "Liver"), ("78961009", "SCT", "Spleen"), ("64033007", "SCT", "Kidney")
TISSUE, LEFT = ("T-D0050", "SRT", "Tissue"), ("7771000", "SCT", "Left")


def seg(*segments: tuple) -> Dataset:
    """Each: label, code, and perhaps a modifier."""
    dataset = Dataset()
    dataset.SegmentSequence = []
    for number, (label, kind, *modifier) in enumerate(segments, 1):
        item = Dataset()
        item.SegmentNumber, item.SegmentLabel = number, label
        item.SegmentedPropertyTypeCodeSequence = [coded(*kind)]
        if modifier:
            item.SegmentedPropertyTypeCodeSequence[0].SegmentedPropertyTypeModifierCodeSequence = [coded(*modifier[0])]
        dataset.SegmentSequence.append(item)
    return dataset


def coded(value: str, scheme: str, meaning: str) -> Dataset:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, scheme, meaning
    return code


@pytest.mark.parametrize(
    ("segments", "expected"),
    [
        ([("Liver", TISSUE)], {"Liver": "liver"}),
        ([("LEFT_KIDNEY", TISSUE)], {"LEFT_KIDNEY": "left kidney"}),
        ([("kidney left", TISSUE)], {"kidney left": "left kidney"}),
        ([("Segment 1", LIVER)], {"Segment 1": "liver"}),
        ([("Leber", LIVER)], {"Leber": "liver"}),
        ([("Segment 1", ("T-62000", "SRT", "Liver"))], {"Segment 1": "liver"}),
        ([("Segment 1", KIDNEY, LEFT)], {"Segment 1": "left kidney"}),
        ([("Segment 1", KIDNEY)], {}),
        ([("Segment 1", TISSUE)], {}),
        ([("pancreas", LIVER)], {}),
        ([("my lesion", SPLEEN)], {}),
        ([("Segment 1", SPLEEN)], {"Segment 1": "spleen"}),
        ([("Segment 1", LIVER), ("Segment 2", LIVER)], {}),
        ([("liver", SPLEEN), ("spleen", SPLEEN)], dict(zip(LABELS[:2], LABELS[:2], strict=True))),
        ([("liver", TISSUE), ("Segment 2", LIVER)], {"liver": "liver"}),
    ],
)  # fmt: skip
def test_names(segments: list[tuple], expected: dict[str, str]) -> None:
    assert model_names(seg(*segments), LABELS) == expected


def test_segments_without_codes_or_label() -> None:
    dataset = seg(("", LIVER))
    del dataset.SegmentSequence[0].SegmentLabel
    assert model_names(dataset, LABELS) == {"segment 1": "liver"}
    del dataset.SegmentSequence[0].SegmentedPropertyTypeCodeSequence
    assert model_names(dataset, LABELS) == {}
    assert model_names(Dataset(), LABELS) == {}
