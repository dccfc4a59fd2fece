"""What MLflow was told so far: all else of the registry is still to be told."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from sdseg.durable import replacing

FILE = "mlflow.json"


@dataclass
class Told:
    """One file beside the registry's history; a lost or damaged one costs a question to MLflow, no second copy.

    Attributes:
        server: address and registered model it is about; another one starts anew.
        versions: name of an entry -> version in MLflow.
        withdrawn: names of entries whose version is tagged so.
        champion, challenger: names of the entries that MLflow's aliases were last put on; "" for none.
    """

    server: str
    versions: dict[str, str] = field(default_factory=dict)
    withdrawn: list[str] = field(default_factory=list)
    champion: str = ""
    challenger: str = ""

    @classmethod
    def load(cls, home: Path, server: str) -> Told:
        try:
            told = cls(**json.loads((home / FILE).read_text()))
            whole = {**told.versions} == told.versions and [*told.withdrawn] == told.withdrawn
        except (OSError, ValueError, TypeError):
            return cls(server)
        return told if whole and told.server == server else cls(server)

    def save(self, home: Path) -> None:
        """Raises OSError."""
        with replacing(home / FILE) as stream:
            stream.write(f"{json.dumps(asdict(self), indent=2)}\n".encode())
