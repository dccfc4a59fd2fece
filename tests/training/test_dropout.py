"""Dropout that follows the examples."""

import torch

from sdseg.model.pipeline import build_pipeline
from sdseg.model.presets import get_preset
from sdseg.training.dropout import Dropouts, SeededDropout

SEEDS = [2**62 + 5, 17, 18, 2**40]


def dropped(seeds: list[int], layer: int = 0, p: float = 0.2, count: int = 100_000) -> torch.Tensor:
    dropout = SeededDropout(p, layer)
    dropout.seeds = tuple(seeds)
    return dropout(torch.ones(len(seeds), count)) == 0


def test_as_much_is_dropped_as_was_asked_for() -> None:
    for p in (0.1, 0.2, 0.5):
        rates = dropped(SEEDS, p=p).float().mean(dim=1)
        assert (rates - p).abs().max() < 0.006  # four standard deviations of 100,000 draws


def test_what_is_kept_makes_up_for_it() -> None:
    dropout = SeededDropout(0.2, 0)
    dropout.seeds = (1,)
    values = dropout(torch.ones(1, 1000))
    assert set(values.unique().tolist()) == {0.0, 1.25}


def test_examples_and_layers_drop_independently() -> None:
    """Any two agree as often as chance has it: 0.2 * 0.2 of the places are dropped by both."""
    masks = torch.cat([dropped(SEEDS), dropped(SEEDS, layer=1)]).float()
    both = masks @ masks.T / masks.shape[1]
    others = both[~torch.eye(len(masks), dtype=torch.bool)]
    assert (others - 0.04).abs().max() < 0.003


def test_neighbouring_places_are_independent() -> None:
    mask = dropped([5], count=200_000)[0].float()
    for lag in (1, 2, 16, 128, 256):
        assert abs(float((mask[lag:] * mask[:-lag]).mean()) - 0.04) < 0.003


def test_a_divided_batch_drops_the_same() -> None:
    whole = dropped(SEEDS)
    assert torch.equal(whole, torch.cat([dropped(SEEDS[:2]), dropped(SEEDS[2:])]))


def test_nothing_is_dropped_outside_training() -> None:
    dropout = SeededDropout(0.5, 0).eval()
    assert torch.equal(dropout(torch.ones(2, 9)), torch.ones(2, 9))


def test_all_dropout_of_a_network_is_replaced_once() -> None:
    unet = build_pipeline(get_preset("tiny")).unet.train()
    kinds = [type(module) for module in unet.modules() if getattr(module, "p", 0)]
    assert kinds and set(kinds) == {torch.nn.Dropout}
    for _ in range(2):
        Dropouts(unet).follow([1])
    after = [module for module in unet.modules() if getattr(module, "p", 0)]
    assert len(after) == len(kinds) and all(isinstance(module, SeededDropout) for module in after)
    assert len({module.layer for module in after}) == len(after)
    assert all(module.seeds == (1,) for module in after)
