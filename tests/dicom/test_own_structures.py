"""Structures with codes of the user's own: what is taken, and each way to get one wrong."""

import json
from pathlib import Path

import numpy as np
import pytest
from helpers.dicom_series import SeriesMaker
from pydicom.sr._concepts_dict import concepts
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from sdseg.dicom import codes as table
from sdseg.dicom.code_text import is_snomed_identifier, parse_code
from sdseg.dicom.codes import add_structures, structure
from sdseg.dicom.own_structures import load_structures, parse_structures, use_structures
from sdseg.dicom.parametric_map import PROBABILITY, build_map
from sdseg.dicom.seg_check import encoded
from sdseg.dicom.seg_writer import SegProvenance, build_seg
from sdseg.dicom.series import load_series
from sdseg.errors import InputError, LabelError

ANATOMY = "SCT:91723000:Anatomical Structure"
HIP = {"category": ANATOMY, "type": "SCT:24136001:Hip joint", "modifier": "SCT:7771000:Left", "rgb": [1, 2, 3]}
OWN = """
structures:
  left hip:
    category: SCT:91723000:Anatomical Structure
    type: SCT:24136001
    modifier: SCT:7771000:Left
  gastric polyp: {category: "SCT:49755003", type: "99CLINIC:P-1:Polyp of stomach", rgb: [9, 8, 7]}
"""


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "_ADDED", {})


def test_a_file_adds_structures(tmp_path: Path) -> None:
    with pytest.raises(LabelError, match="file of structures"):
        structure("gastric polyp")
    path = tmp_path / "own.yaml"
    path.write_text(OWN)
    use_structures(path)
    use_structures(path)  # twice the same is no matter
    hip, polyp = structure("Left_Hip"), structure("gastric-polyp")
    assert (hip.property_type, hip.modifier) == (codes.SCT.HipJoint, codes.SCT.Left)
    assert hip.property_type.meaning == "Hip joint"
    assert polyp.property_type == Code("P-1", "99CLINIC", "Polyp of stomach") and polyp.rgb == (9, 8, 7)
    assert polyp.category == codes.SCT.MorphologicallyAbnormalStructure
    with pytest.raises(LabelError, match="like gastric polyp"):
        structure("gastric polypp")


def test_meanings_in_any_script_reach_the_objects(provenance: SegProvenance) -> None:
    hip = {"category": ANATOMY, "type": "99CLINIC:HIP:股关节"}
    add_structures(parse_structures({"hip": hip}, "own.yaml"))
    series = load_series(SeriesMaker().datasets())
    mask = np.zeros(series.shape, np.uint8)
    mask[2, 3:5] = 1
    made = (
        build_seg(series, mask, {"hip": 1}, provenance),
        build_map(series, mask.astype(np.float32), "hip", PROBABILITY, provenance),
    )
    for item in made:
        assert "股关节" in str(encoded(item))


def test_json_is_read_too(tmp_path: Path) -> None:
    path = tmp_path / "own.json"
    path.write_text(json.dumps({"structures": {"left hip": HIP}}))
    assert load_structures(path)["left hip"].rgb == (1, 2, 3)


def test_a_name_keeps_its_meaning() -> None:
    with pytest.raises(LabelError, match='"Liver" means SCT 10200004 Liver here already: give yours another name'):
        add_structures(parse_structures({"Liver": HIP}, "own.yaml"))
    add_structures(parse_structures({"mine": HIP}, "own.yaml"))
    other = {**HIP, "modifier": "SCT:24028007:Right"}
    with pytest.raises(LabelError, match='"mine" means SCT 24136001 Hip joint'):
        add_structures(parse_structures({"mine": other}, "card"))
    assert structure("mine").modifier == codes.SCT.Left and structure("liver").property_type == codes.SCT.Liver


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"type": "SCT:24136001:Liver"}, "24136001 means Hip joint.*, not Liver: look it up"),
        ({"type": "SCT:12738007:Brain"}, "no SNOMED CT identifier, its check digit is wrong"),
        ({"type": "SCT:41329004"}, "not in the dictionary: add its meaning"),
        ({"type": "SRT:T-D1100:Head"}, "'SRT' is no coding scheme"),
        ({"type": "Hip joint"}, "is no code: write it as"),
        ({"type": ["SCT", "24136001", "Hip joint"]}, "is no code: write it as"),
        ({"type": "99CLINIC:12345678901234567:long"}, "1 to 16 characters"),
        ({"type": "99CLINIC:1:" + "x" * 65}, "at most 64 characters"),
        ({"type": "99CLINIC:1:a\\b"}, "is no code"),
        ({"type": "99CLINIC:1:a\nb"}, "is no code"),
        ({"category": "SCT:24136001:Hip joint"}, "Hip joint is no category of segments .CID 7150.: use SCT:"),
        ({"rgb": [0, 0, 256]}, "rgb must be three whole numbers"),
        ({"rgb": [True, 0, 0]}, "rgb must be three whole numbers"),
        ({"colour": [0, 0, 0]}, "needs a category and a type"),
    ],
)
def test_a_wrong_structure_is_refused_in_one_line(changes: dict[str, object], reason: str) -> None:
    with pytest.raises(InputError, match=rf"own\.yaml: my hip.*{reason}") as caught:
        parse_structures({"my hip": {**HIP, **changes}}, "own.yaml")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["", " ", "x" * 65, "a\\b", "a\nb", 7])
def test_a_wrong_name_is_refused(name: object) -> None:
    with pytest.raises(InputError, match=r"own\.yaml: the name"):
        parse_structures({name: HIP}, "own.yaml")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("structures: {a: {", "not valid YAML"),
        ("left hip: {}", 'one entry, "structures"'),
        ("- 1", 'one entry, "structures"'),
        ("structures: [1]", r"must be given by name, not as \[1\]"),
        ("structures:\n  a: {category: x, type: y}\n  a: {category: x, type: z}\n", "a is given twice"),
        ("structures: {a: !!python/object/apply:os.getcwd []}", "not valid YAML"),
    ],
)
def test_a_wrong_file_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=reason) as caught:
        load_structures(path)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot be read \(No such file or directory\); check --structures"):
        load_structures(tmp_path / "none.yaml")


def test_check_digits_agree_with_the_dictionary() -> None:
    values = {value for entry in concepts["SCT"].values() for value in entry}
    assert [value for value in values if not is_snomed_identifier(value)] in ([], ["115347700"])  # a slip of its own
    wrong = {value[:-2] + str((int(value[-2]) + 1) % 10) + value[-1] for value in values}
    assert not any(map(is_snomed_identifier, wrong))
    assert not is_snomed_identifier("12738") and not is_snomed_identifier("brain")


def test_a_known_code_may_go_without_its_meaning() -> None:
    assert parse_code("SCT:12738006").meaning == "Brain" and parse_code("DCM:125040").meaning == "Background"
