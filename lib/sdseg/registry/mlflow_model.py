"""One registered model of an MLflow server: its versions, their files and the aliases on them."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from sdseg.durable import new_beside
from sdseg.errors import DeliveryError, WeightsError
from sdseg.model.weights import weights_sha256
from sdseg.registry.entry import Entry
from sdseg.registry.mlflow_client import calling, is_missing, open_client, shown
from sdseg.registry.mlflow_record import FILES_TAG, REPORT_FILE, WEIGHTS_TAG, WITHDRAWN_TAG, Record, record_of

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

CHAMPION, CHALLENGER = "champion", "challenger"
_FILES = "weights"  # the folder of a run that holds them


@dataclass(frozen=True)
class MlflowModel:
    """Every method asks the server, and raises DeliveryError, or SetupError, where that fails.

    Attributes:
        uri: address of the server, perhaps with user and password.
        name: of the registered model.
        experiment: of its runs.
    """

    uri: str
    name: str
    experiment: str

    def __str__(self) -> str:
        return f"{self.name} at {shown(self.uri)}"

    @cached_property
    def _client(self) -> MlflowClient:
        return open_client(self.uri)

    def add(self, entry: Entry, folder: Path) -> str:
        """The version that holds the weights, made unless it is there. Raises OSError: `folder` cannot be read."""
        with calling(self.uri):
            if known := self._version_of(entry.sha256):
                return str(known.version)
            record = record_of(entry)
            run = self._run_of(entry, record)
            for path in files_of(folder):
                self._client.log_artifact(run, str(path), f"{_FILES}/{path.parent.relative_to(folder)}".rstrip("/."))
            self._client.set_terminated(run)
            tags = {**record.tags, FILES_TAG: files_sha256(folder)}
            version = self._client.create_model_version(
                self._registered(), f"runs:/{run}/{_FILES}", run, tags, description=record.note, await_creation_for=0
            )
            return str(version.version)

    def put_alias(self, alias: str, version: str | None) -> None:
        """Move the alias, or with None take it away."""
        with calling(self.uri):
            if version is not None:
                self._client.set_registered_model_alias(self.name, alias, version)
            elif alias in self._client.get_registered_model(self.name).aliases:
                self._client.delete_registered_model_alias(self.name, alias)

    def tag_withdrawn(self, version: str, withdrawn: bool) -> None:
        with calling(self.uri):
            self._client.set_model_version_tag(self.name, version, WITHDRAWN_TAG, str(withdrawn).lower())

    def champion(self) -> str | None:
        """SHA-256 of the weights under the alias `champion`; None where there is no such model or alias.

        Raises DeliveryError too where the version did not come from a registry of SDSeg.
        """
        version = self._champion()
        if version is None:
            return None
        sha256 = version.tags.get(WEIGHTS_TAG)
        if not sha256:
            raise DeliveryError(
                f"Version {version.version} of {self}, which has the alias {CHAMPION}, has no tag {WEIGHTS_TAG}; "
                "put the alias on a version that SDSeg sent."
            )
        return str(sha256)

    @contextmanager
    def fetched(self, sha256: str, beside: Path) -> Iterator[Path]:
        """A folder beside `beside` with the weights as they were sent; it is removed after the block.

        Raises:
            DeliveryError: there is no version of them.
            WeightsError: what came is something else.
        """
        staging = new_beside(beside)
        staging.mkdir(parents=True)
        try:
            with calling(self.uri):
                version = self._version_of(sha256)
                if version is None or not version.run_id:
                    raise DeliveryError(f"There are no weights {sha256[:16]} in {self}.")
                self._client.download_artifacts(version.run_id, _FILES, str(staging))
            folder = staging / _FILES
            if weights_sha256(folder) != sha256 or files_sha256(folder) != version.tags.get(FILES_TAG):
                raise WeightsError(f"The weights {sha256[:16]} in {self} are not what their SHA-256 says; leave them.")
            yield folder
        finally:
            shutil.rmtree(staging, ignore_errors=True)

    def _champion(self) -> ModelVersion | None:
        try:
            with calling(self.uri):
                if CHAMPION in self._client.get_registered_model(self.name).aliases:
                    return self._client.get_model_version_by_alias(self.name, CHAMPION)
                return None
        except DeliveryError as error:
            if is_missing(error):
                return None
            raise

    def _version_of(self, sha256: str) -> ModelVersion | None:
        found = self._client.search_model_versions(f"name = '{self.name}' and tag.`{WEIGHTS_TAG}` = '{sha256}'")
        return found[0] if found else None

    def _run_of(self, entry: Entry, record: Record) -> str:
        """A run with all but the weights; one that was left behind half-way is gone on with."""
        experiment = self._client.get_experiment_by_name(self.experiment)
        number = experiment.experiment_id if experiment else self._client.create_experiment(self.experiment)
        mine = f"tags.`{WEIGHTS_TAG}` = '{entry.sha256}' and tags.`sdseg.model` = '{self.name}'"
        left = self._client.search_runs([number], mine, max_results=1)
        tags = {**record.tags, "sdseg.model": self.name, "mlflow.note.content": record.note}
        run = left[0] if left else self._client.create_run(number, tags=tags, run_name=entry.name)
        for name, value in record.params.items():
            self._client.log_param(run.info.run_id, name, value)
        for name, figure in record.metrics.items():
            self._client.log_metric(run.info.run_id, name, figure)
        if record.report:
            self._client.log_text(run.info.run_id, record.report, REPORT_FILE)
        return str(run.info.run_id)

    def _registered(self) -> str:
        if not self._client.search_registered_models(f"name = '{self.name}'"):
            self._client.create_registered_model(self.name, description="Segmentation weights, sent by SDSeg.")
        return self.name


def files_of(folder: Path) -> list[Path]:
    """The files of a weights folder, sorted; hidden ones and links are none of it."""
    found = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return sorted(path for path in found if not path.name.startswith("."))


def files_sha256(folder: Path) -> str:
    """Over the names and contents of all files: also of those that are no part of the weights' identity."""
    digest = hashlib.sha256()
    for path in files_of(folder):
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0")
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
