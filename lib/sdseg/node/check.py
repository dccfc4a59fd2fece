"""Can the node do what its file says? Looked at before it is needed."""

from __future__ import annotations

from collections.abc import Iterator

from sdseg.dimse.commitment import Commitments
from sdseg.errors import SdsegError
from sdseg.node.config import NodeConfig
from sdseg.node.home import Home
from sdseg.node.targets import open_targets


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
