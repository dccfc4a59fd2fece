"""What a label means, in DICOM's codes (PS3.16): names and codes are data, in structures.json."""

import difflib
import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from pydicom.sr.coding import Code

from sdseg.errors import LabelError


@dataclass(frozen=True)
class Structure:
    """An anatomical structure or finding.

    `category`, `property_type`: Segmented Property Category and Type (CID 7150, 7151). `modifier`: laterality
    (CID 244) or None. `rgb`: recommended display colour, 0 to 255.
    """

    name: str
    category: Code
    property_type: Code
    modifier: Code | None
    rgb: tuple[int, int, int]


def structure(name: str) -> Structure:
    """The structure a label names; case, "_" and "-" do not matter. LabelError names the nearest ones."""
    known = structures()
    found = known.get(plain(name))
    if found is None:
        near = ", ".join(difflib.get_close_matches(plain(name), known, n=3, cutoff=0.5) or sorted(known))
        raise LabelError(f'The label "{name}" has no DICOM code here: rename it to a known one like {near}.')
    return found


@cache
def structures() -> dict[str, Structure]:
    """All known structures by name and by alias."""
    data = json.loads(files("sdseg.dicom").joinpath("structures.json").read_text(encoding="utf-8"))
    found = {}
    for entry in data["structures"]:
        built = build(entry, data)
        for name in (entry["name"], *entry.get("aliases", [])):
            if plain(name) in found:
                raise ValueError(f"structures.json names {name} twice")
            found[plain(name)] = built
    return found


def build(entry: dict[str, Any], data: dict[str, Any]) -> Structure:
    """One entry of structures.json."""
    modifier = entry.get("modifier")
    red, green, blue = entry["rgb"]
    return Structure(
        name=entry["name"],
        category=code(data["categories"][entry["category"]]),
        property_type=code(entry["type"]),
        modifier=None if modifier is None else code(data["modifiers"][modifier]),
        rgb=(red, green, blue),
    )


def code(triple: list[str]) -> Code:
    """[scheme, value, meaning] as pydicom's Code."""
    scheme, value, meaning = triple
    return Code(value, scheme, meaning)


def plain(name: str) -> str:
    """A label without what people write differently."""
    return " ".join(name.lower().replace("_", " ").replace("-", " ").split())
