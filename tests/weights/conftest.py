"""The full-size tests run only where they are asked for by name."""

import pytest


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if "full_size" in config.option.markexpr:
        return
    left_out = [item for item in items if item.get_closest_marker("full_size")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
