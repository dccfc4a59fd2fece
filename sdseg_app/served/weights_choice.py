"""Which weights to serve: what the registry of a model says, over the given or the shipped ones."""

import logging
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from sdseg.errors import WeightsError
from sdseg.model.pointer import read_pointer
from sdseg.registry.mlflow_mirror import MlflowMirror, mirror_from_environment
from sdseg.registry.registry import ModelRegistry

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class WeightsChoice:
    """The champion among what was trained, else the base: the folder of `--conf weights`, else the shipped one.

    Attributes:
        given: the folder of `--conf weights`, or None.
        models_dir: where trained weights are kept.
        shipped: the folder that comes with the project, or None.
        key: of `--conf`, for messages.
    """

    given: Path | None
    models_dir: Path
    shipped: Path | None
    key: str = "weights"

    @cached_property
    def registry(self) -> ModelRegistry:
        """Of the trained weights; other processes may change it at any time."""
        return ModelRegistry(self.models_dir, self.given or self.shipped, self._mirror)

    @cached_property
    def _mirror(self) -> MlflowMirror | None:
        return mirror_from_environment(self.models_dir)

    def folder(self) -> Path:
        """The weights folder to use now. Raises WeightsError when there is none."""
        if read_pointer(self.models_dir) is None:
            return self.untrained()
        folder = self.registry.healthy()
        return self.untrained() if folder == self.registry.base else folder

    def untrained(self) -> Path:
        """The folder under all others, whatever was promoted since. Raises WeightsError where it is missing."""
        if self.given is not None:
            if not self.given.is_dir():
                raise WeightsError(f"There is no weights folder {self.given}; check --conf {self.key}.")
            return self.given
        if self.shipped is None or not self.shipped.is_dir():
            missing = f" and {self.shipped} is missing" if self.shipped else ""
            raise WeightsError(
                f"There are no weights: nothing was trained yet{missing}; give a weights folder with --conf {self.key}."
            )
        return self.shipped

    def state(self) -> str:
        """A sentence for people when another than the champion has to be served; "" when all is well."""
        return self.registry.state()

    def note_start(self) -> None:
        """The server starts: weights given newly go before what was promoted under others.

        Raises:
            WeightsError: the given folder is missing.
        """
        if self.given is not None:
            self.untrained()
        try:
            self.registry.note_base(given=self.given is not None)
        except WeightsError as error:  # a full disk, or nothing shipped, must not keep a server from answering
            logger.warning("%s", error)
        if self._mirror is not None:
            self._mirror.keep_up()
