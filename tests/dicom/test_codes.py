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
    "optic cup": "OpticNerveHead",
    "kidney": "Kidney",
    "lung": "Lung",
    "adrenal gland": "AdrenalGland",
    "duodenum": "Duodenum",
    "small intestine": "SmallIntestine",
    "colon": "Colon",
    "rectum": "Rectum",
    "trachea": "Trachea",
    "spinal cord": "SpinalCord",
    "superior vena cava": "SuperiorVenaCava",
    "portal vein": "PortalVein",
    "splenic vein": "SplenicVein",
    "hepatic vein": "HepaticVein",
    "pulmonary artery": "PulmonaryArtery",
    "pulmonary vein": "PulmonaryVein",
    "common carotid artery": "CommonCarotidArtery",
    "common iliac artery": "CommonIliacArtery",
    "common iliac vein": "CommonIliacVein",
    "coronary artery": "CoronaryArtery",
    "pericardium": "Pericardium",
    "vertebra": "Vertebra",
    "sacrum": "Sacrum",
    "rib": "Rib",
    "sternum": "Sternum",
    "clavicle": "Clavicle",
    "scapula": "Scapula",
    "humerus": "Humerus",
    "femur": "Femur",
    "skull": "Skull",
    "mandible": "Mandible",
    "maxilla": "Maxilla",
    "cerebellum": "Cerebellum",
    "brain stem": "BrainStem",
    "thalamus": "Thalamus",
    "caudate nucleus": "CaudateNucleus",
    "putamen": "Putamen",
    "hippocampus": "Hippocampus",
    "lateral ventricle": "LateralVentricle",
    "white matter": "WhiteMatter",
    "gray matter": "GrayMatter",
    "eye": "Eye",
    "optic nerve": "OpticNerve",
    "lens": "Lens",
    "retina": "Retina",
    "parotid gland": "ParotidGland",
    "uterus": "Uterus",
    "breast": "Breast",
    "lymph node": "LymphNode",
    "fat": "AdiposeTissue",
    "skin": "Skin",
    "edema": "Edema",
    "necrosis": "Necrosis",
    "hemorrhage": "Hemorrhage",
    "cyst": "Cyst",
    "mass": "Mass",
}
ABNORMAL = {"neoplasm", "lesion", "skin lesion", "nodule", "polyp", "edema", "necrosis", "hemorrhage", "cyst", "mass"}
BTCV = (
    "spleen, right kidney, left kidney, gallbladder, esophagus, liver, stomach, aorta, inferior vena cava, "
    "portal and splenic vein, pancreas, right adrenal gland, left adrenal gland"
)
PARTS = {"optic cup": codes.SCT.Central}
NAMED = {found.name: found for found in structures().values()}


def meanings(code: Code) -> set[str]:
    """All meanings pydicom's dictionary gives the value of this code."""
    scheme = concepts[code.scheme_designator]
    return {entry[code.value][0] for entry in scheme.values() if code.value in entry}


@pytest.mark.parametrize("found", NAMED.values(), ids=lambda found: found.name)
def test_every_code_is_in_the_dictionary_with_this_meaning(found: Structure) -> None:
    for code in filter(None, (found.category, found.property_type, found.modifier)):
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
        expected = getattr(codes.SCT, side.capitalize()) if needs_side else PARTS.get(name)
        assert found.modifier == expected, name


def test_what_the_papers_data_sets_and_common_models_tell_is_there() -> None:
    names = [*BTCV.split(", "), "brain", "tooth", "polyp", "optic cup", "optic disc", "tumour", "tumor"]
    names += ["left ventricle", "right ventricle", "left atrium", "right atrium", "left ventricle myocardium"]
    assert all(structure(name).rgb for name in names)


def test_no_two_structures_are_coded_alike() -> None:
    coded = [(found.property_type, found.modifier) for found in NAMED.values()]
    assert len(set(coded)) == len(coded)


def test_what_the_dictionary_still_lacks() -> None:
    """Once it has a code of its own for one of these, the table and docs/structures.md should take it."""
    words = {
        meaning.lower()
        for scheme in ("SCT", "DCM", "FMA", "UMLS")
        for e in concepts[scheme].values()
        for meaning, _ in e.values()
    }
    assert not [word for word in words if "optic" in word and ("cup" in word or "excavation" in word)]
    assert not words & {"polyp", "polyp structure", "polyp (morphologic abnormality)"}


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
    with pytest.raises(LabelError, match="like optic disc, optic cup"):
        structure("optic cupp and disc")
    with pytest.raises(LabelError, match="known one"):
        structure("qqq")
