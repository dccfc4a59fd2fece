"""Can the node do what its file says? Looked at before it is needed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sdseg.dimse.commitment import Commitments
from sdseg.errors import InputError, SdsegError, WeightsError
from sdseg.model.card_file import card_in
from sdseg.node.config import NodeConfig
from sdseg.node.home import Home
from sdseg.node.targets import open_targets


def require_weights(config: NodeConfig) -> None:
    """Every rule names a weights folder: a slip of the pen is told at the start, not series by series.

    Raises:
        InputError: one does not.
    """
    for number, rule in enumerate(config.rules, 1):
        try:
            card_in(Path(rule.weights))
        except WeightsError as error:
            raise InputError(f"rules: number {number}: {error}") from None


def check_node(config: NodeConfig) -> Iterator[tuple[str, str | None]]:
    """What was looked at, and what is wrong with it, None where nothing is.

    Raises:
        InputError: a target cannot even be addressed.
    """
    from sdseg.model.card import ModelCard

    Home(config.home).create()
    yield "home", None
    for weights in dict.fromkeys(rule.weights for rule in config.rules):
        try:
            ModelCard.load(weights)
            yield f"weights {weights}", None
        except SdsegError as error:
            yield f"weights {weights}", str(error)
    for name, target in open_targets(config, Commitments()).items():
        try:
            target.check()
            yield f"target {name}", None
        except SdsegError as error:
            yield f"target {name}", str(error)
