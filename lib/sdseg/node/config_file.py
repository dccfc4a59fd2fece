"""The node's YAML file: read, paths made absolute, every refusal one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from sdseg.errors import InputError
from sdseg.node.config import NodeConfig

PATHS = ("home",)
PATHS_OF_TLS = ("ca", "certificate", "key")


class UniqueKeyLoader(yaml.SafeLoader):
    """Refuses a key given twice, of which YAML's usual reader silently keeps the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        twice = [key for number, key in enumerate(keys) if key in keys[:number]]
        if twice:
            raise yaml.constructor.ConstructorError(None, None, f'"{twice[0]}" is given twice', node.start_mark)
        return super().construct_mapping(node, deep)


def load_config(path: Path) -> NodeConfig:
    """Read and check a node's file; relative paths in it start at its folder.

    Raises:
        InputError: it cannot be read, or a key is unknown, missing or unusable; the message names the key.
    """
    try:
        given = yaml.load(path.read_text(encoding="utf-8"), Loader=UniqueKeyLoader)
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}): give the node's YAML file.") from None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path} is no YAML: {reason}.") from None
    if not isinstance(given, dict):
        raise InputError(f"{path} must hold keys such as home, targets and rules; docs/node.md has an example.")
    try:
        return NodeConfig.model_validate(absolute(given, path.resolve().parent))
    except ValidationError as error:
        raise InputError(f"{path}: {first_of(error)}.") from None


def first_of(error: ValidationError) -> str:
    """The first complaint: where, what, and how to mend it."""
    details = error.errors(include_url=False)[0]
    where = ".".join(str(part) for part in details["loc"])
    remedy = {
        "extra_forbidden": "is not known here; remove it or correct its spelling",
        "missing": "is missing; add it",
    }.get(details["type"])
    message = remedy or details["msg"].removeprefix("Value error, ")
    return f"{where} {message}" if remedy else f"{where}: {message}" if where else message


def absolute(given: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The same with every path made absolute; what has the wrong type is left for the validation."""
    result = dict(given)
    _resolve(result, PATHS, folder)
    for owner in (result, *_mappings(result.get("targets"))):
        if isinstance(owner.get("tls"), dict):
            owner["tls"] = dict(owner["tls"])
            _resolve(owner["tls"], PATHS_OF_TLS, folder)
    rules = result.get("rules")
    for rule in rules if isinstance(rules, list) else ():
        if isinstance(rule, dict):
            _resolve(rule, ("weights",), folder)
    return result


def _mappings(value: object) -> list[dict[str, Any]]:
    return [item for item in value.values() if isinstance(item, dict)] if isinstance(value, dict) else []


def _resolve(owner: dict[str, Any], keys: tuple[str, ...], folder: Path) -> None:
    for key in keys:
        if isinstance(owner.get(key), str):
            owner[key] = str(folder / Path(owner[key]).expanduser())
