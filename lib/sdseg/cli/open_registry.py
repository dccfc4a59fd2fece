"""The registry of a served model, from what a command line says of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sdseg.cli.console import SAMPLE_WEIGHTS, quieten_libraries
from sdseg.errors import InputError

if TYPE_CHECKING:
    from sdseg.registry.registry import ModelRegistry

SHIPPED = {"sdseg": SAMPLE_WEIGHTS, "unet": SAMPLE_WEIGHTS.with_name("brain-unet")}


def open_registry(model_dir: Path, model: str) -> ModelRegistry:
    """Of the model called `model` below a server's `model_dir`, running or not; MLflow is told where it is configured.

    Raises InputError: there is no such folder.
    """
    quieten_libraries()
    import sdseg.rivals  # noqa: F401 - so that their weights are known
    from sdseg.registry.mlflow_mirror import mirror_from_environment
    from sdseg.registry.registry import ModelRegistry

    folder = model_dir / model
    if not folder.is_dir():
        raise InputError(f"There is no folder {folder}; give the server's model_dir, and the name of a model in it.")
    known = ModelRegistry(folder)
    return ModelRegistry(folder, known.base or SHIPPED.get(model), mirror_from_environment(folder))
