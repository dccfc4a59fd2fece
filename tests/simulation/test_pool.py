"""What may be asked for, what is drawn, and that validation patients stay out."""

from pathlib import Path

import pytest
import torch

from sdseg.errors import InputError
from sdseg.simulation.drawing import candidates, draw_start
from sdseg.simulation.pool import Pool, make_pool
from sdseg.training.slices import SliceStack
from sdseg.volume.example import Example


def pool_of(slices: int, holding: int = 1) -> Pool:
    """Slices of one volume, of which the last `holding` hold a structure."""
    masks = torch.zeros(slices, 1, 4, 4, dtype=torch.uint8)
    masks[slices - holding :] = 1
    names = tuple(f"v#{n}" for n in range(slices))
    return Pool(
        SliceStack(torch.zeros(slices, 1, 4, 4), masks), names, ("v",) * slices, ("anna",) * slices, {"brain": 1}
    )


def example(name: str, group: str = "") -> Example:
    return Example(name, Path(f"{name}.png"), Path(f"{name}-mask.png"), group=group)


def stack_of(slices: int) -> SliceStack:
    return SliceStack(torch.zeros(slices, 1, 4, 4), torch.ones(slices, 1, 4, 4, dtype=torch.uint8))


def test_slices_of_volumes_and_pictures_have_names_cases_and_patients() -> None:
    sizes = {"volume": 2, "picture": 1}
    pool = make_pool([example("volume", "anna"), example("picture")], lambda one: stack_of(sizes[one.id]), {"brain": 1})
    assert pool.names == ("volume#0", "volume#1", "picture")
    assert pool.cases == ("volume", "volume", "picture")
    assert pool.patients == {"volume": "anna", "picture": "picture"}
    assert pool.places(["picture", "volume#0"]) == [2, 0]


def test_an_image_listed_twice_and_masks_without_anything_are_refused() -> None:
    with pytest.raises(InputError, match="same id"):
        make_pool([example("a"), example("a")], lambda one: stack_of(1), {"brain": 1})
    empty = SliceStack(torch.zeros(1, 1, 4, 4), torch.zeros(1, 1, 4, 4, dtype=torch.uint8))
    with pytest.raises(InputError, match="nothing to learn"):
        make_pool([example("a")], lambda one: empty, {"brain": 1})


def test_the_start_is_random_by_its_seed_without_repetition_and_holds_a_structure() -> None:
    pool = pool_of(40)
    starts = [draw_start(pool, 5, seed) for seed in range(20)]
    assert all(39 in start and len(set(start)) == 5 for start in starts)
    assert starts == [draw_start(pool, 5, seed) for seed in range(20)]
    assert len({tuple(start) for start in starts}) > 10


def test_candidates_are_what_is_not_labelled() -> None:
    pool = pool_of(10)
    assert candidates(pool, [1, 3], None, seed=0) == [0, 2, 4, 5, 6, 7, 8, 9]
    few = candidates(pool, [1, 3], 4, seed=0)
    assert len(set(few)) == 4
    assert not {1, 3} & set(few)
    assert few != candidates(pool, [1, 3], 4, seed=1)
