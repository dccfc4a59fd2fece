"""Bringing the folder and MLflow together: what MLflow does not know is told, and an alias moved there is followed."""

from __future__ import annotations

from sdseg.errors import UnknownNameError
from sdseg.registry.entry import Entry
from sdseg.registry.mlflow_mirror import MlflowMirror
from sdseg.registry.registry import ModelRegistry

REASON = "The alias champion was moved in MLflow."


def bring_together(registry: ModelRegistry, mirror: MlflowMirror, by: str = "") -> Entry | None:
    """Tell MLflow what it does not know yet; then serve what has its alias `champion`.

    A promotion here that MLflow had not heard of wins over an alias that was moved there.

    Returns:
        The entry that is served from now on, or None where nothing changed.

    Raises:
        DeliveryError: MLflow is not reached, or refuses.
        WeightsError: what MLflow holds is not what it says.
    """
    mirror.catch_up()
    wanted = mirror.champion()
    if wanted is None or wanted == registry.champion().sha256:
        return None
    if not _is_whole(registry, wanted):
        with mirror.fetched(wanted) as folder:
            registry.add(folder, None, {"from": "MLflow"})
    entry = registry.promote(wanted, by=by, reason=REASON)
    mirror.catch_up()
    return entry


def _is_whole(registry: ModelRegistry, sha256: str) -> bool:
    try:
        return registry.find(sha256).state != "damaged"
    except UnknownNameError:
        return False
