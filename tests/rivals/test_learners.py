"""Rivals learn, every parameter of them, and a batch may be divided."""

import pytest
import torch
from helpers.rivals import tiny_rival

from sdseg.rivals import RIVALS, build_rival
from sdseg.rivals.dynamic_unet import level_weights
from sdseg.training.draws import Draws
from sdseg.training.learner import Batch
from sdseg.training.learners.image_diffusion import mask_channels
from sdseg.training.learners.rivals import learner_for
from sdseg.training.learners.segmentation import SegmentationLearner


def discs(count: int, classes: int | None = None, seed: int = 0) -> Batch:
    """Bright discs of chance size and place on noise; with classes each disc is one of them, told by its colour."""
    generator = torch.Generator().manual_seed(seed)
    grid = torch.stack(torch.meshgrid(torch.arange(64), torch.arange(64), indexing="ij")).float()
    centres = torch.randint(20, 44, (count, 2, 1, 1), generator=generator)
    radii = torch.randint(8, 16, (count, 1, 1), generator=generator)
    values = torch.randint(1, classes or 2, (count, 1, 1), generator=generator)
    inside = ((grid - centres) ** 2).sum(dim=1) < radii**2
    masks = (inside * values).to(torch.uint8)[:, None]
    noise = torch.randn(count, 3, 64, 64, generator=generator) * 0.1
    images = (masks.float() / (classes or 2) * 2 - 1 + noise).clamp(-1, 1)
    return Batch(images, masks, tuple(range(count)), Draws(range(seed, seed + count)))


def part(batch: Batch, half: slice) -> Batch:
    return Batch(batch.images[half], batch.masks[half], batch.indices[half], Draws(batch.indices[half]))


@pytest.mark.parametrize(
    ("kind", "options", "factor"),
    [
        ("basic_unet", {}, 0.7),
        ("dyn_unet", {}, 0.7),
        ("image_diffusion", {"prediction_type": "sample"}, 0.7),
        ("image_diffusion", {"prediction_type": "epsilon"}, 0.7),
    ],
)
def test_the_loss_falls(kind: str, options: dict[str, str], factor: float) -> None:
    torch.manual_seed(0)
    learner = learner_for(build_rival(kind, 64, preset="tiny", **options))
    optimiser = torch.optim.AdamW(learner.parameters(), lr=5e-3)
    losses = []
    for step in range(30):
        loss, _ = learner(discs(4, seed=4 * step))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert sum(losses[-5:]) < factor * sum(losses[:5]), losses


@pytest.mark.parametrize("classes", [None, 3])
@pytest.mark.parametrize("kind", RIVALS)
def test_a_batch_may_be_divided(kind: str, classes: int | None) -> None:
    learner = learner_for(tiny_rival(kind, classes))
    whole, _ = learner(discs(4, classes))
    halves = [learner(part(discs(4, classes), half))[0] for half in (slice(0, 2), slice(2, 4))]
    torch.testing.assert_close(whole, torch.stack(halves).mean(), atol=1e-5, rtol=1e-5)
    assert not torch.isclose(halves[0], halves[1])


@pytest.mark.parametrize("kind", RIVALS)
def test_every_parameter_learns(kind: str) -> None:
    """A parameter without a gradient would stop several processes that train together."""
    learner = learner_for(tiny_rival(kind))
    loss, terms = learner(discs(2))
    loss.backward()
    assert [name for name, parameter in learner.named_parameters() if parameter.grad is None] == []
    assert all(not term.requires_grad for term in terms.values())
    assert learner.slice_model.network is learner.averaged is learner.network


def test_an_empty_slice_has_a_loss(kind: str = "basic_unet") -> None:
    batch = discs(2)
    batch.masks.zero_()
    loss, _ = learner_for(tiny_rival(kind))(batch)
    assert torch.isfinite(loss)


def test_several_levels_are_supervised_in_training_alone() -> None:
    pipeline = tiny_rival("dyn_unet")
    learner = learner_for(pipeline)
    batch = discs(2)
    heads = pipeline.network.heads(batch.images)
    assert heads.shape == (2, 3, 1, 64, 64)
    loss, terms = learner(batch)
    assert loss != terms["dice_ce"]
    assert level_weights(3, torch.device("cpu")).tolist() == pytest.approx([4 / 7, 2 / 7, 1 / 7])
    assert pipeline(batch.images).shape == (2, 1, 64, 64)
    pipeline.network.eval()
    assert pipeline.network.heads(batch.images).shape == (2, 1, 1, 64, 64)
    alone = build_rival("dyn_unet", 64, preset="tiny", supervised_levels=0)
    assert alone.network.train().heads(batch.images).shape == (2, 1, 1, 64, 64)


def test_a_perfect_answer_costs_nothing() -> None:
    for classes in (None, 3):
        batch = discs(2, classes)
        learner = SegmentationLearner(tiny_rival("basic_unet", classes))
        perfect = mask_channels(batch.masks, classes) * 50
        learner.network.heads = lambda _, heads=perfect: heads.unsqueeze(1)  # type: ignore[method-assign]
        assert learner(batch)[0].item() == pytest.approx(0, abs=1e-4)


def test_masks_become_channels() -> None:
    masks = torch.tensor([[[[0, 2]]]], dtype=torch.uint8)
    assert mask_channels(masks, None).tolist() == [[[[-1, 1]]]]
    assert mask_channels(masks, 3).tolist() == [[[[1, -1]], [[-1, -1]], [[-1, 1]]]]
