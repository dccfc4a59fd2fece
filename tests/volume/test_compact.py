"""A labelmap that is kept compressed: what is asked for is what was put, and little of it is ever unpacked."""

import numpy as np
import pytest

from sdseg.volume import compact
from sdseg.volume.compact import CompactLabelmap, Tile


@pytest.fixture
def unpacked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int, int]]:
    """Where the tiles begin that are unpacked from now on."""
    seen: list[tuple[int, int, int]] = []
    true = Tile.values

    def watched(tile: Tile) -> np.ndarray:
        seen.append(tile.start)
        return true(tile)

    monkeypatch.setattr(Tile, "values", watched)
    return seen


def filled(slices: int) -> tuple[np.ndarray, CompactLabelmap]:
    """(i, j, k) with two values in every slice, in parts of 16 slices."""
    values = np.random.default_rng(0).choice([0, 1, 3], (7, 5, slices)).astype(np.uint8)
    return values, CompactLabelmap.of(values)


def test_a_small_one_is_unpacked_once(unpacked: list[tuple[int, int, int]]) -> None:
    values, kept = filled(40)
    for _ in range(3):
        np.testing.assert_array_equal(np.stack(list(kept)), values.transpose(2, 1, 0))
    assert unpacked == [(0, 0, 0), (0, 0, 16), (0, 0, 32)]


def test_of_a_large_one_no_more_is_unpacked_than_is_looked_at(
    unpacked: list[tuple[int, int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compact, "_KEPT_BYTES", 7 * 5 * 40 - 1)
    values, kept = filled(40)
    for index in (0, 15, 16, 0, 39):
        np.testing.assert_array_equal(kept.plane(index), values[..., index].T)
        assert len(kept._unpacked) == 1
    assert [start[2] for start in unpacked] == [0, 16, 0, 32]


@pytest.mark.parametrize("axis", [0, 1])
def test_what_is_put_later_is_seen(axis: int) -> None:
    values = np.ones((6, 6, 20), dtype=np.uint8)
    kept = CompactLabelmap((6, 6, 20))
    kept.put(np.take(values, range(3), axis), axis, 0)
    assert kept.plane(4).sum() == 18
    kept.put(2 * np.take(values, range(3), axis), axis, 3)
    assert kept.plane(4).sum() == 18 + 36 and kept.values_in(4) == (1, 2)
