"""MLflow as a second registry, where MLFLOW_TRACKING_URI is set: told after the fact, never waited for.

What it was told is kept beside the weights, and all else is told at the next opportunity: whether MLflow was away, the
credentials were wrong or a process was killed makes no difference. See docs/mlflow.md.
"""

from __future__ import annotations

import logging
import os
from contextlib import AbstractContextManager
from pathlib import Path

from sdseg.errors import DeliveryError, InputError, WeightsError
from sdseg.lock import locked
from sdseg.model.weights import weights_sha256
from sdseg.registry.entry import NAME_DIGITS, Entry
from sdseg.registry.mlflow_client import ADDRESS, check_address, is_missing
from sdseg.registry.mlflow_courier import Courier
from sdseg.registry.mlflow_model import CHALLENGER, CHAMPION, MlflowModel
from sdseg.registry.mlflow_told import Told
from sdseg.registry.view import HOME, RegistryView

NAME = "SDSEG_MLFLOW_MODEL"
EXPERIMENT = "MLFLOW_EXPERIMENT_NAME"  # MLflow's own

logger = logging.getLogger(__name__)


def mirror_from_environment(models_dir: Path) -> MlflowMirror | None:
    """The mirror of the registry in `models_dir`; None where MLflow is not wanted, or cannot be: the log says why."""
    if not os.environ.get(ADDRESS, "").strip():
        return None
    try:
        return mlflow_of(models_dir)
    except InputError as error:
        logger.warning("%s", error)
        return None


def mlflow_of(models_dir: Path) -> MlflowMirror:
    """The mirror of the registry in `models_dir`, as the environment says.

    The registered model is named by SDSEG_MLFLOW_MODEL, in which {model} stands for the served model.

    Raises:
        InputError: no server is named, or none that can be used.
    """
    uri = check_address(os.environ.get(ADDRESS, "").strip())
    name = (os.environ.get(NAME) or "sdseg-{model}").replace("{model}", models_dir.name)
    return MlflowMirror(models_dir, MlflowModel(uri, name, os.environ.get(EXPERIMENT) or "sdseg"))


class MlflowMirror:
    """Brings a registered model of MLflow to the state of the registry in `models_dir`.

    `Mirror`'s methods return at once: they wake the thread that `keep_up` started, where one was started.
    """

    def __init__(self, models_dir: Path, model: MlflowModel) -> None:
        self.model = model
        self._models_dir = models_dir
        self._home = models_dir / HOME
        self._courier = Courier(self.catch_up)

    def added(self, entry: Entry, folder: Path) -> None:
        self._courier.wake()

    def promoted(self, entry: Entry) -> None:
        self._courier.wake()

    def withdrawn(self, entry: Entry) -> None:
        self._courier.wake()

    def champion(self) -> str | None:
        """SHA-256 of the weights that have MLflow's alias `champion`. Raises DeliveryError."""
        return self.model.champion()

    def fetched(self, sha256: str) -> AbstractContextManager[Path]:
        """The weights as they were sent, in a folder there for the block. Raises DeliveryError, WeightsError."""
        return self.model.fetched(sha256, self._home / sha256[:NAME_DIGITS])

    def keep_up(self) -> None:
        """From now on, as long as this process lives, tell MLflow in the background."""
        self._courier.start()

    def catch_up(self) -> None:
        """Tell MLflow what it does not know yet.

        Raises:
            DeliveryError: it is not reached, or refuses; what it knows by then is not told again.
            OSError: the weights, or the note of what was told, cannot be read or written.
        """
        if not self._home.is_dir():  # nothing was trained yet
            return
        with locked(self._home / "mlflow.lock"):
            told = Told.load(self._home, str(self.model))
            try:
                self._tell(told)
            except DeliveryError as error:
                if is_missing(error):  # somebody removed versions in MLflow: they are looked for, and sent, again
                    Told(told.server).save(self._home)
                raise

    def _tell(self, told: Told) -> None:
        registry = RegistryView(self._models_dir)
        entries = [entry for entry in registry.entries() if not entry.is_base]
        for entry in sorted(entries, key=lambda entry: entry.made):
            folder = registry.folder(entry.name)
            if entry.name not in told.versions and _is_whole(folder, entry):
                told.versions[entry.name] = self.model.add(entry, folder)
                told.save(self._home)
        for entry in entries:
            self._tell_withdrawn(told, entry)
        waiting = [entry for entry in entries if entry.state == "challenger"]
        newest = max(waiting, key=lambda entry: entry.made, default=None)
        self._tell_alias(told, CHAMPION, _champion(registry))
        self._tell_alias(told, CHALLENGER, newest)

    def _tell_withdrawn(self, told: Told, entry: Entry) -> None:
        withdrawn = entry.state == "withdrawn"
        if entry.name in told.versions and withdrawn != (entry.name in told.withdrawn):
            self.model.tag_withdrawn(told.versions[entry.name], withdrawn)
            (told.withdrawn.append if withdrawn else told.withdrawn.remove)(entry.name)
            told.save(self._home)

    def _tell_alias(self, told: Told, alias: str, entry: Entry | None) -> None:
        """Only after a change here: an alias that was moved in MLflow waits for `sdseg models sync`."""
        name = entry.name if entry else ""
        if name != getattr(told, alias):
            self.model.put_alias(alias, told.versions.get(name))
            setattr(told, alias, name)
            told.save(self._home)


def _is_whole(folder: Path, entry: Entry) -> bool:
    """Damaged weights are not sent, nor what is left of withdrawn ones."""
    try:
        return weights_sha256(folder) == entry.sha256
    except (WeightsError, OSError):
        return False


def _champion(registry: RegistryView) -> Entry | None:
    """None while the weights under all others are served, which MLflow does not hold."""
    try:
        champion = registry.champion()
    except WeightsError:
        return None
    return None if champion.is_base else champion
