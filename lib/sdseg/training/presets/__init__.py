"""Training configurations that come with the product: one a data set, and those of the shipped weights."""

from __future__ import annotations

from pathlib import Path

from sdseg.errors import UnknownNameError
from sdseg.training.config import TrainingConfig, load_config

_FOLDER = Path(__file__).parent


def preset_names() -> tuple[str, ...]:
    """Of all shipped configurations, sorted."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.yaml")))


def find_config(name_or_path: str) -> TrainingConfig:
    """A shipped configuration by its name, or one of the user's by its path.

    Raises:
        UnknownNameError: neither.
        InputError: the file is wrong.
    """
    if name_or_path in preset_names():
        return load_config(_FOLDER / f"{name_or_path}.yaml")
    path = Path(name_or_path)
    if not path.suffix and not path.exists():
        raise UnknownNameError(
            f"There is no configuration '{name_or_path}'; give a YAML file or one of: {', '.join(preset_names())}."
        )
    return load_config(path)
