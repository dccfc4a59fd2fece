"""Which weights to serve: given ones, published ones or those shipped with the project."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

from sdseg.errors import WeightsError
from sdseg.model.weights import POINTER_FILE, current

SHIPPED = Path(__file__).resolve().parents[1] / "sample-data" / "weights" / "brain-small"
_STARTED = "SDSEG_SERVER_STARTED"  # seconds since the epoch; inherited by the server's background tasks


def note_server_start() -> None:
    """From now on, in this process and its children, a later publication supersedes `--conf weights`."""
    os.environ[_STARTED] = str(time.time())


@dataclass(frozen=True)
class WeightsChoice:
    """`--conf weights` holds until something is published while the server runs: what the user trains now is what
    the user wants now. Without it the last published weights are served, and before any the shipped ones.

    Attributes:
        given: the folder of `--conf weights`.
        models_dir: where trainings publish.
        shipped: the folder that comes with the project.
    """

    given: Path | None
    models_dir: Path
    shipped: Path = SHIPPED

    def folder(self) -> Path:
        """The weights folder to use now. Raises WeightsError when there is none."""
        published = current(self.models_dir)
        if self.given is not None and not (published and self._published_since_start()):
            if not self.given.is_dir():
                raise WeightsError(f"There is no weights folder {self.given}; check --conf weights.")
            return self.given
        if published is not None:
            return published
        if not self.shipped.is_dir():
            raise WeightsError(
                f"There are no weights: nothing was trained yet and {self.shipped} is missing; "
                "give a weights folder with --conf weights."
            )
        return self.shipped

    def untrained(self) -> Path:
        """The folder to start afresh from: the given or the shipped one, whatever was published since."""
        folder = self.given or self.shipped
        if not folder.is_dir():
            raise WeightsError(f"There is no weights folder {folder} to start from; check --conf weights.")
        return folder

    def _published_since_start(self) -> bool:
        started = os.environ.get(_STARTED)
        return started is not None and (self.models_dir / POINTER_FILE).stat().st_mtime > float(started)
