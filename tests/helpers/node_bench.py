"""A node in this process, with real sockets, untrained weights and a folder as archive."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from pydicom import Dataset
from pydicom.uid import ExplicitVRLittleEndian
from pynetdicom import AE
from pynetdicom.association import Association
from pynetdicom.presentation import build_context

from helpers.dicom_series import SeriesMaker
from sdseg.dimse.contexts import listener_contexts
from sdseg.node.config_file import load_config
from sdseg.node.home import Home
from sdseg.node.ledger import Ledger
from sdseg.node.node import Node
from sdseg.node.status import Status, take_status
from sdseg.serving.launch import free_port

PATIENCE = 60.0


def await_true(condition: Callable[[], Any], what: str) -> None:
    """Look until it holds."""
    until = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < until, f"never came true: {what}"
        time.sleep(0.02)


@dataclass
class Bench:
    """A folder with a node's configuration, and a sender."""

    folder: Path
    weights: Path
    settings: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.archive.mkdir()
        self.settings = {
            "ae_title": "SDSEG",
            "port": free_port(),
            "home": "home",
            "callers": [{"ae_title": "SENDER", "host": "127.0.0.1"}],
            "quiet_seconds": 0.3,
            "forced_seconds": 300,
            "minimum_free_mb": 1,
            "retry": {"first_seconds": 0.05, "longest_seconds": 0.1, "give_up_after": 3},
            "targets": {"archive": {"address": str(self.archive)}},
            "rules": [{"modality": "MR", "weights": str(self.weights), "targets": ["archive"]}],
        } | self.settings

    @property
    def archive(self) -> Path:
        return self.folder / "archive"

    @property
    def home(self) -> Home:
        return Home(self.folder / "home")

    @property
    def config_file(self) -> Path:
        path = self.folder / "node.yaml"
        path.write_text(yaml.safe_dump(self.settings))
        return path

    @contextmanager
    def running(self) -> Iterator[Node]:
        """The node, until the block ends."""
        node = Node(load_config(self.config_file))
        outcome: list[Any] = []

        def run() -> None:
            try:
                outcome.append(node.run())
            except BaseException as error:
                outcome.append(error)
                raise

        thread = threading.Thread(target=run)
        thread.start()
        await_true(lambda: node.ready.is_set() or outcome, "the node listens")
        assert not outcome, outcome
        try:
            yield node
        finally:
            node.stop()
            thread.join(PATIENCE)
            assert outcome == [True]

    @contextmanager
    def association(self, calling: str = "SENDER", called: str = "SDSEG") -> Iterator[Association]:
        """From a sender, released at the end unless it ended before."""
        ae = AE(ae_title=calling)
        contexts = [build_context(each.abstract_syntax, [ExplicitVRLittleEndian]) for each in listener_contexts()]
        association = ae.associate("127.0.0.1", self.settings["port"], contexts=contexts, ae_title=called)
        try:
            yield association
        finally:
            if association.is_established:
                association.release()

    def send(self, datasets: list[Dataset]) -> list[int]:
        """C-STORE in one association; the statuses."""
        with self.association() as association:
            return [association.send_c_store(dataset).Status for dataset in datasets]

    def status(self) -> Status:
        ledger = Ledger(self.home.ledger)
        try:
            return take_status(ledger, self.home)
        finally:
            ledger.close()

    def await_state(self, state: str, count: int = 1) -> Status:
        """Look until so many series are in a state, and all others are finished."""
        await_true(lambda: self.status().series[state] >= count, f"{count} series {state}")
        return self.status()

    def delivered(self) -> list[Path]:
        return sorted(self.archive.rglob("*.dcm"))


def mr(name: str = "one", slices: int = 4) -> list[Any]:
    """An MR series."""
    return SeriesMaker(slices=slices, modality="MR", name=name).datasets()
