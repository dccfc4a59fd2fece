"""Counting what an annotator would have to paint."""

import pytest
import torch

from sdseg.simulation.annotator import Work, total, work_on


def plane(*rows: str) -> torch.Tensor:
    """(1, i, j) label values from digits."""
    return torch.tensor([[int(digit) for digit in row] for row in rows], dtype=torch.uint8)[None]


def test_painted_and_erased_voxels_count_and_those_that_are_right_do_not() -> None:
    truth = plane("0110", "0110", "0000")
    found = plane("0010", "0011", "1000")
    # Missing: 2 on the left; too much: 1 on the right and 1 below.
    assert work_on(found[None], truth[None]) == [Work(helped=4, alone=4)]


def test_another_structure_in_the_place_of_the_right_one_is_painted_once() -> None:
    assert work_on(plane("12", "20")[None], plane("11", "20")[None]) == [Work(helped=1, alone=3)]


def test_each_slice_has_its_own_work() -> None:
    truth = torch.stack([plane("11"), plane("00")])
    found = torch.stack([plane("11"), plane("10")])
    assert work_on(found, truth) == [Work(0, 2), Work(1, 0)]
    assert total(work_on(found, truth)) == Work(1, 2)


def test_minutes_are_voxels_over_speed_and_a_hindrance_costs_some() -> None:
    assert Work(helped=100, alone=600).minutes_saved(250) == pytest.approx(2)
    assert Work(helped=600, alone=100).minutes_saved(250) == pytest.approx(-2)


def test_masks_of_two_grids_are_refused() -> None:
    with pytest.raises(ValueError, match="shape"):
        work_on(torch.zeros(1, 1, 2, 2), torch.zeros(1, 1, 2, 3))
