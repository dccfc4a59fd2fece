"""Which weights to serve: given ones, published ones or those shipped with the project."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

from sdseg.errors import WeightsError
from sdseg.model.weights import POINTER_FILE, current

_STARTED = "SDSEG_SERVER_STARTED"  # seconds since the epoch; inherited by the server's background tasks


def note_server_start() -> None:
    """From now on, in this process and its children, a later publication supersedes `--conf weights`."""
    os.environ[_STARTED] = str(time.time())


@dataclass(frozen=True)
class WeightsChoice:
    """What `--conf` gives holds until something is published while the server runs: what the user trains now is what
    the user wants now. Without it the last published weights are served, and before any the shipped ones.

    Attributes:
        given: the folder of `--conf weights`, or None.
        models_dir: where trainings publish.
        shipped: the folder that comes with the project, or None.
        key: of `--conf`, for messages.
    """

    given: Path | None
    models_dir: Path
    shipped: Path | None
    key: str = "weights"

    def folder(self) -> Path:
        """The weights folder to use now. Raises WeightsError when there is none."""
        published = current(self.models_dir)
        if self.given is not None and not (published and self._published_since_start()):
            if not self.given.is_dir():
                raise WeightsError(f"There is no weights folder {self.given}; check --conf {self.key}.")
            return self.given
        if published is not None:
            return published
        return self._shipped()

    def untrained(self) -> Path:
        """The folder to start afresh from: the given or the shipped one, whatever was published since."""
        if self.given is None:
            return self._shipped()
        if not self.given.is_dir():
            raise WeightsError(f"There is no weights folder {self.given} to start from; check --conf {self.key}.")
        return self.given

    def _shipped(self) -> Path:
        if self.shipped is None or not self.shipped.is_dir():
            missing = f" and {self.shipped} is missing" if self.shipped else ""
            raise WeightsError(
                f"There are no weights: nothing was trained yet{missing}; give a weights folder with --conf {self.key}."
            )
        return self.shipped

    def _published_since_start(self) -> bool:
        started = os.environ.get(_STARTED)
        return started is not None and (self.models_dir / POINTER_FILE).stat().st_mtime > float(started)
