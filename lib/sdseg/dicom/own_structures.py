"""Structures that the table lacks, given by the user with their codes: a YAML or JSON file, or a model card.

structures:
  left hip:
    category: SCT:91723000:Anatomical Structure
    type: SCT:24136001:Hip joint
    modifier: SCT:7771000:Left         # optional: a side or part
    rgb: [90, 220, 150]                # optional: recommended display colour
"""

import hashlib
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydicom.sr._cid_dict import cid_concepts
from pydicom.sr._concepts_dict import concepts
from pydicom.sr.coding import Code

from sdseg.dicom.code_text import parse_code
from sdseg.dicom.codes import Structure, add_structures
from sdseg.errors import InputError

CATEGORIES_CID = 7150  # Segmentation Property Category
LONGEST_LABEL = 64  # VR LO, PS3.5 6.2
_KEYS = {"category", "type", "modifier", "rgb"}


def use_structures(path: Path) -> None:
    """Let this process know the structures of a file. InputError: it is wrong; LabelError: a name is taken."""
    add_structures(load_structures(path))


def load_structures(path: Path) -> dict[str, Structure]:
    """The structures of a file, by name; InputError names what is wrong in it."""
    try:
        values = yaml.load(path.read_text(encoding="utf-8"), Loader=_OnceLoader)
    except OSError as error:
        raise InputError(
            f"The structures in {path} cannot be read ({error.strerror}); check --structures, or --conf structures."
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from None
    if not isinstance(values, Mapping) or set(values) != {"structures"}:
        raise InputError(f'{path} must hold one entry, "structures", with a structure under each name.')
    return parse_structures(values["structures"], str(path))


def parse_structures(values: Any, origin: str) -> dict[str, Structure]:
    """Plain values, name: {category, type, modifier, rgb}, as structures; InputError names `origin` and the name."""
    if not isinstance(values, Mapping):
        raise InputError(f"{origin}: the structures must be given by name, not as {str(values)[:80]}.")
    return {name: _parse(name, entry, origin) for name, entry in values.items()}


def _parse(name: Any, entry: Any, origin: str) -> Structure:
    if not isinstance(name, str) or not 1 <= len(name.strip()) <= LONGEST_LABEL or "\\" in name:
        raise InputError(f"{origin}: the name {str(name)[:80]!r} must have 1 to {LONGEST_LABEL} characters.")
    if not name.isprintable():
        raise InputError(f"{origin}: the name {name[:80]!r} must be one printable line.")
    if not isinstance(entry, Mapping) or not {"category", "type"} <= set(entry) <= _KEYS:
        raise InputError(f"{origin}: {name} needs a category and a type, and may have a modifier and an rgb.")
    try:
        modifier = parse_code(entry["modifier"]) if "modifier" in entry else None
        category, kind = parse_code(entry["category"]), parse_code(entry["type"])
    except InputError as error:
        raise InputError(f"{origin}: {name}: {error}.") from None
    if category not in categories():
        names = ", ".join(f"SCT:{known.value}:{known.meaning}" for known in categories())
        raise InputError(f"{origin}: {name}: {category.meaning} is no category of segments (CID 7150): use {names}.")
    return Structure(name, category, kind, modifier, _colour(name, entry, origin))


def categories() -> list[Code]:
    """Segmentation Property Categories, CID 7150."""
    known: dict[str, Any] = concepts
    return [
        Code(value, scheme, meaning)
        for scheme, keywords in cid_concepts[CATEGORIES_CID].items()
        for keyword in keywords
        for value, (meaning, groups) in known[scheme][keyword].items()
        if CATEGORIES_CID in groups
    ]


def _colour(name: str, entry: Mapping[str, Any], origin: str) -> tuple[int, int, int]:
    """The colour given, else one that depends on the name alone."""
    given = entry.get("rgb", list(hashlib.sha256(name.encode()).digest()[:3]))
    if not isinstance(given, list) or len(given) != 3 or not all(type(v) is int and 0 <= v <= 255 for v in given):
        raise InputError(f"{origin}: {name}: rgb must be three whole numbers from 0 to 255, not {str(given)[:80]}.")
    return given[0], given[1], given[2]


class _OnceLoader(yaml.SafeLoader):
    """A name given twice is a mistake, of which YAML would keep the second in silence."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        names = [key.value for key, _ in node.value]
        twice = [name for name in names if names.count(name) > 1]
        if twice:
            raise yaml.constructor.ConstructorError(None, None, f"{twice[0]} is given twice", node.start_mark)
        return super().construct_mapping(node, deep)
