"""Stability of predictions made by hand."""

import numpy as np
import pytest
import torch
from monai.metrics import PSNRMetric

from sdseg.errors import InputError
from sdseg.evaluation.runs import Runs
from sdseg.evaluation.similarity import load_lpips, mean_squared_error, ms_ssim, psnr, ssim
from sdseg.evaluation.stability import StabilityCounter


def runs_of(*masks: np.ndarray, reference: np.ndarray | None = None) -> Runs:
    """One run a mask (images, rows, columns), probabilities 0.9 inside and 0.1 outside."""
    stack = np.stack(masks)
    wanted = stack[0] if reference is None else reference
    return Runs(np.where(stack, 0.9, 0.1).astype(np.float32), stack, wanted)


def square(low: int, high: int, images: int = 1, size: int = 20) -> np.ndarray:
    mask = np.zeros((images, size, size), bool)
    mask[:, low:high, low:high] = True
    return mask


def test_identical_runs_are_perfectly_stable() -> None:
    counter = StabilityCounter()
    counter.add(runs_of(*[square(5, 15, images=2)] * 3))
    for kind in ("Seg", "Score"):
        for level in ("data set", "instance"):
            assert counter.measure(kind, "SSIM", level) == pytest.approx(1)
            assert counter.measure(kind, "PSNR", level) is None  # infinite
    assert counter.dice_between_runs == 1
    assert counter.dice_deviation == (0, 0)


def test_psnr_by_hand() -> None:
    """100 against 64 pixels of 400: the error is 36 / 400, of the probabilities 0.64 times that."""
    counter = StabilityCounter()
    counter.add(runs_of(square(5, 15), square(6, 14)))
    for level in ("data set", "instance"):
        assert counter.measure("Seg", "PSNR", level) == pytest.approx(10 * np.log10(400 / 36))
        assert counter.measure("Score", "PSNR", level) == pytest.approx(10 * np.log10(400 / 36 / 0.64))
    assert counter.dice_between_runs == pytest.approx(2 * 64 / 164)


def test_levels_differ_in_what_they_average() -> None:
    """Errors of 36 / 400 and 0 / 400: data set from their mean, instance without the identical pair."""
    counter = StabilityCounter()
    first, second = square(5, 15, images=2), square(5, 15, images=2)
    second[0] = square(6, 14)[0]
    counter.add(runs_of(first, second))
    assert counter.measure("Seg", "PSNR", "data set") == pytest.approx(10 * np.log10(400 / 18))
    assert counter.measure("Seg", "PSNR", "instance") == pytest.approx(10 * np.log10(400 / 36))


def test_empty_predictions_are_left_out_of_the_instance_level_and_counted() -> None:
    counter = StabilityCounter()
    counter.add(runs_of(square(5, 15), square(0, 0), square(5, 15)))
    assert counter.left_out == 1
    assert counter.measure("Seg", "SSIM", "instance") == pytest.approx(1)
    found = counter.measure("Seg", "SSIM", "data set")
    assert found is not None and found < 0.9
    assert counter.dice_between_runs == pytest.approx(1 / 3)  # of three pairs one agrees


def test_deviation_of_the_dice_by_hand() -> None:
    """Two cases whose Dice goes from 1 to 2 * 64 / 164 and back: the mean over the cases does not move."""
    counter = StabilityCounter()
    wanted, smaller = square(5, 15), square(6, 14)
    counter.add(runs_of(wanted, smaller, reference=wanted))
    counter.add(runs_of(smaller, wanted, reference=wanted))
    of_set, of_case = counter.dice_deviation
    assert of_set == pytest.approx(0)
    assert of_case == pytest.approx(np.std([1, 2 * 64 / 164], ddof=1))


def test_nothing_counted_is_nothing_told() -> None:
    counter = StabilityCounter()
    counter.add(Runs(np.zeros((3, 0, 20, 20), np.float32), np.zeros((3, 0, 20, 20), bool), np.zeros((0, 20, 20), bool)))
    assert counter.measure("Seg", "SSIM", "instance") is None
    assert counter.dice_between_runs is None and counter.dice_deviation == (None, None)


def test_lpips_is_measured_where_it_is_given() -> None:
    def distance(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        return (first - second).abs().mean(dim=(1, 2, 3))

    counter = StabilityCounter(distance)
    counter.add(runs_of(square(5, 15), square(6, 14)))
    assert counter.measure("Seg", "LPIPS", "data set") == pytest.approx(36 / 400)


def test_lpips_without_its_package_is_one_line(tmp_path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setitem(__import__("sys").modules, "lpips", None)
    with pytest.raises(InputError, match="needs the package lpips"):
        load_lpips(tmp_path / "weights.pt")


def test_similarities() -> None:
    generator = torch.Generator().manual_seed(0)
    first = torch.rand(3, 1, 180, 180, generator=generator)
    second = (first + 0.1 * torch.rand(first.shape, generator=generator)).clamp(0, 1)
    expected = PSNRMetric(max_val=1, reduction="none")(y_pred=first, y=second).flatten()
    assert torch.allclose(psnr(mean_squared_error(first, second)), expected, atol=1e-4)
    for measure in (ssim, ms_ssim):
        same, other = measure(first, first), measure(first, second)
        assert same is not None and other is not None
        assert same.shape == (3,) and torch.allclose(same, torch.ones(3))
        assert (other < same).all()
    assert ms_ssim(first[..., :175], second[..., :175]) is None
    assert ssim(first[..., :10], second[..., :10]) is None
