"""A wrong organ code is the worst bug: every code is held against pydicom's dictionary and a second list."""

import pytest
from pydicom.sr._concepts_dict import concepts
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from sdseg.dicom.codes import Structure, structure, structures
from sdseg.errors import LabelError

# Written by hand from the names of pydicom's dictionary, not from structures.json.
EXPECTED = {
    "spleen": "Spleen",
    "right kidney": "Kidney",
    "left kidney": "Kidney",
    "gallbladder": "Gallbladder",
    "esophagus": "Esophagus",
    "liver": "Liver",
    "stomach": "Stomach",
    "aorta": "Aorta",
    "inferior vena cava": "InferiorVenaCava",
    "portal and splenic vein": "Vein",
    "pancreas": "Pancreas",
    "right adrenal gland": "AdrenalGland",
    "left adrenal gland": "AdrenalGland",
    "brain": "Brain",
    "tooth": "Tooth",
    "heart": "Heart",
    "left ventricle": "LeftVentricle",
    "right ventricle": "RightVentricle",
    "left atrium": "LeftAtrium",
    "right atrium": "RightAtrium",
    "left ventricle myocardium": "LeftVentricleMyocardium",
    "right lung": "Lung",
    "left lung": "Lung",
    "prostate": "Prostate",
    "bladder": "Bladder",
    "optic disc": "OpticNerveHead",
    "neoplasm": "Neoplasm",
    "lesion": "Lesion",
    "skin lesion": "SkinLesion",
    "nodule": "Nodule",
    "polyp": "PolypOfColon",
}
ABNORMAL = {"neoplasm", "lesion", "skin lesion", "nodule", "polyp"}
NOT_IN_PYDICOM: set[tuple[str, str]] = set()  # (scheme, value) verified elsewhere; none so far
NAMED = {found.name: found for found in structures().values()}


def meanings(code: Code) -> set[str]:
    """All meanings pydicom's dictionary gives the value of this code."""
    scheme = concepts[code.scheme_designator]
    return {entry[code.value][0] for entry in scheme.values() if code.value in entry}


@pytest.mark.parametrize("found", NAMED.values(), ids=lambda found: found.name)
def test_every_code_is_in_the_dictionary_with_this_meaning(found: Structure) -> None:
    for code in filter(None, (found.category, found.property_type, found.modifier)):
        if (code.scheme_designator, code.value) not in NOT_IN_PYDICOM:
            assert code.meaning in meanings(code)


def test_every_structure_has_the_code_of_its_name() -> None:
    assert set(NAMED) == set(EXPECTED)
    for name, keyword in EXPECTED.items():
        found = NAMED[name]
        assert found.property_type == getattr(codes.SCT, keyword), name
        category = "MorphologicallyAbnormalStructure" if name in ABNORMAL else "AnatomicalStructure"
        assert found.category == getattr(codes.SCT, category), name


def test_paired_organs_carry_their_side() -> None:
    for name, found in NAMED.items():
        side = name.split()[0]
        coded = {"LeftVentricle", "RightVentricle", "LeftAtrium", "RightAtrium", "LeftVentricleMyocardium"}
        needs_side = side in ("left", "right") and EXPECTED[name] not in coded
        expected = getattr(codes.SCT, side.capitalize()) if needs_side else None
        assert found.modifier == expected, name


def test_colours_differ_and_are_valid() -> None:
    colours = [found.rgb for found in NAMED.values()]
    assert len(set(colours)) == len(colours)
    assert all(0 <= value <= 255 for colour in colours for value in colour)


@pytest.mark.parametrize("label", ["Right Kidney", "right_kidney", "kidney-right", " RIGHT  kidney "])
def test_names_are_found_however_they_are_written(label: str) -> None:
    assert structure(label).name == "right kidney"


def test_unknown_label_gives_the_nearest_names() -> None:
    with pytest.raises(LabelError, match=r'"splean" has no DICOM code.*like spleen') as caught:
        structure("splean")
    assert "\n" not in str(caught.value)
    with pytest.raises(LabelError, match="optic disc"):
        structure("optic cup")  # left out: no code could be verified
    with pytest.raises(LabelError, match="known one"):
        structure("qqq")
