"""What a label means, in DICOM's codes (PS3.16): names and codes are data, in structures.json."""

import difflib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from pydicom.sr.coding import Code

from sdseg.errors import LabelError

FREQUENT = ("liver", "brain", "heart", "lesion", "neoplasm")  # where no name is near


@dataclass(frozen=True)
class Structure:
    """An anatomical structure or finding.

    `category`, `property_type`: Segmented Property Category and Type (CID 7150, 7151). `modifier`: laterality
    (CID 244) or another part of it, or None. `rgb`: recommended display colour, 0 to 255. `note`: where the codes say
    less, or more, than the name.
    """

    name: str
    category: Code
    property_type: Code
    modifier: Code | None
    rgb: tuple[int, int, int]
    note: str = ""


_ADDED: dict[str, Structure] = {}


def structure(name: str) -> Structure:
    """The structure a label names; case, "_" and "-" do not matter. LabelError names the nearest ones."""
    known = {**structures(), **_ADDED}
    found = known.get(plain(name))
    if found is None:
        near = ", ".join(difflib.get_close_matches(plain(name), known, n=3, cutoff=0.5) or FREQUENT)
        raise LabelError(
            f'The label "{name}" has no DICOM code here: rename it to a known one like {near}, or give its codes in a '
            "file of structures."
        )
    return found


def add_structures(added: Mapping[str, Structure]) -> None:
    """Let this process know further structures, by name; twice the same is no matter.

    LabelError: the name means something else already, in the table or in what was added before. A name must not
    change its meaning while results are filed under it.
    """
    known = {**structures(), **_ADDED}
    for name, found in added.items():
        other = known.get(plain(name))
        if other is not None and (other.category, other.property_type, other.modifier) != (
            found.category,
            found.property_type,
            found.modifier,
        ):
            raise LabelError(
                f'The structure "{name}" means {other.property_type.scheme_designator} {other.property_type.value} '
                f"{other.property_type.meaning} here already: give yours another name."
            )
    _ADDED.update({plain(name): found for name, found in added.items() if plain(name) not in structures()})


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
        note=entry.get("note", ""),
    )


def code(triple: list[str]) -> Code:
    """[scheme, value, meaning] as pydicom's Code."""
    scheme, value, meaning = triple
    return Code(value, scheme, meaning)


def plain(name: str) -> str:
    """A label without what people write differently."""
    return " ".join(name.lower().replace("_", " ").replace("-", " ").split())
