"""A world of its own for each module: two Orthancs, gates, and a node that runs."""

from collections.abc import Iterator

import pytest
from helpers.orthanc import require_orthanc

from faults.world import World, world


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Everything runs, the node too; the first archive forwards to it whatever it gets."""
    require_orthanc()
    with world(tmp_path_factory.mktemp("faults"), forwards=True) as made:
        made.node.start()
        made.node.wait_until_ready()
        yield made
