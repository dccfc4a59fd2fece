"""Which series goes where."""

from pathlib import Path

import pytest
from pydicom import Dataset

from sdseg.node.rules import Rule, facts_of, first_match


def rule(**conditions: object) -> Rule:
    return Rule.model_validate({"weights": Path("w"), "targets": ["archive"], **conditions})


def facts(calling: str = "ORTHANC", **attributes: str) -> dict[str, str]:
    header = Dataset()
    for keyword, value in {"Modality": "MR", "SeriesDescription": "Sag T1 MPRAGE", **attributes}.items():
        setattr(header, keyword, value)
    return facts_of(header, calling)


@pytest.mark.parametrize(
    ("conditions", "holds"),
    [
        ({}, True),
        ({"modality": "mr"}, True),
        ({"modality": "CT"}, False),
        ({"modality": ["CT", "MR"]}, True),
        ({"modality": "MR", "series_description": "*t1*"}, True),
        ({"modality": "MR", "series_description": "t1"}, False),
        ({"series_description": "*t2*"}, False),
        ({"body_part_examined": "*"}, True),
        ({"body_part_examined": "?*"}, False),
        ({"calling_ae_title": "orth*"}, True),
        ({"calling_ae_title": "MODALITY?"}, False),
        ({"sop_class_uid": "1.2.840.10008.5.1.4.1.1.4*"}, False),
    ],
)
def test_all_conditions_must_hold(conditions: dict[str, object], holds: bool) -> None:
    assert rule(**conditions).matches(facts()) is holds


def test_the_first_rule_wins() -> None:
    rules = [rule(modality="CT"), rule(modality="MR"), rule()]
    assert first_match(rules, facts()) is rules[1]
    assert first_match(rules, facts(Modality="US")) is rules[2]
    assert first_match(rules[:2], facts(Modality="US")) is None
