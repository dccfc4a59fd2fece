"""What SDSeg's loss is: the paper's equations, on random and on constructed models."""

import pytest
import torch

from sdseg.errors import WeightsError
from sdseg.model.mask_decoder import MaskDecoder
from sdseg.model.pipeline import SDSegPipeline, build_pipeline
from sdseg.model.presets import get_preset
from sdseg.training.augment import build_augmentation
from sdseg.training.draws import Draws
from sdseg.training.learner import Batch
from sdseg.training.learners.latents import MaskLatents
from sdseg.training.learners.sdseg import SDSegLearner, soft_dice_loss
from sdseg.training.mask_image import mask_to_image
from sdseg.training.stage import AugmentationConfig, DiffusionConfig


def batch(count: int = 2, masks: torch.Tensor | None = None, first_seed: int = 0) -> Batch:
    torch.manual_seed(first_seed)
    images = torch.rand(count, 3, 64, 64) * 2 - 1
    masks = torch.ones(count, 1, 64, 64, dtype=torch.uint8) if masks is None else masks
    return Batch(images, masks, tuple(range(count)), Draws(range(first_seed, first_seed + count)))


def learner(pipeline: SDSegPipeline | None = None, **config: object) -> SDSegLearner:
    settings = DiffusionConfig.model_validate({"steps": 1, "learning_rate": 1e-3, **config})
    return SDSegLearner(pipeline or build_pipeline(get_preset("tiny")), settings)


def test_latent_loss_is_the_weighted_noise_loss() -> None:
    """At one t, mean |z0 error| = sqrt(1 / abar_t - 1) * mean |noise error|."""
    loss, terms = learner(timesteps=(999, 999))(batch())
    assert terms["latent"].item() == pytest.approx(38.659 * terms["noise"].item(), rel=1e-3)
    assert loss.item() == pytest.approx((terms["latent"] + terms["noise"]).item(), rel=1e-5)


@pytest.mark.parametrize("prediction_type", ["epsilon", "sample", "v_prediction"])
def test_the_relation_holds_whatever_is_predicted(prediction_type: str) -> None:
    pipeline = build_pipeline(get_preset("tiny"), prediction_type=prediction_type)
    _, terms = learner(pipeline, timesteps=(500, 500))(batch())
    abar = pipeline.scheduler.alphas_cumprod[500]
    assert terms["latent"].item() == pytest.approx(((1 / abar - 1).sqrt() * terms["noise"]).item(), rel=1e-3)


def test_weights_choose_the_terms() -> None:
    pipeline = build_pipeline(get_preset("tiny")).to("cpu")
    loss, terms = learner(pipeline, latent_weight=0.25)(batch())
    assert loss.item() == pytest.approx((terms["noise"] + 0.25 * terms["latent"]).item(), rel=1e-5)
    assert "mask" not in terms


def test_mask_loss_is_soft_dice_of_the_decoded_estimate() -> None:
    pipeline = build_pipeline(get_preset("tiny"))
    loss, terms = learner(pipeline, mask_weight=2.0, noise_weight=0, latent_weight=0)(batch())
    assert loss.item() == pytest.approx(2 * terms["mask"].item())
    assert 0 < terms["mask"] < 1
    loss.backward()
    assert all(p.grad is not None for p in pipeline.vision_encoder.parameters())


def test_soft_dice() -> None:
    masks = torch.zeros(1, 1, 4, 4, dtype=torch.uint8)
    masks[..., :2, :] = 1
    assert soft_dice_loss(masks.float(), masks).item() == pytest.approx(0)
    assert soft_dice_loss(1 - masks.float(), masks).item() == pytest.approx(1 - 1 / 17)
    assert soft_dice_loss(torch.zeros(1, 1, 4, 4), torch.zeros_like(masks)).item() == pytest.approx(0)


def test_the_loss_of_a_batch_is_the_mean_of_its_parts() -> None:
    """Each example's randomness is its own: this is what lets processes share a batch out."""
    pipeline = build_pipeline(get_preset("tiny"))
    whole = batch(4)
    for config in ({}, {"mask_weight": 1.0}):
        loss, _ = learner(pipeline, **config)(whole)
        halves = []
        for part in (slice(0, 2), slice(2, 4)):
            own = Batch(whole.images[part], whole.masks[part], whole.indices[part], Draws(range(4)[part]))
            halves.append(learner(pipeline, **config)(own)[0])
        fresh, _ = learner(pipeline, **config)(Batch(whole.images, whole.masks, whole.indices, Draws(range(4))))
        assert loss.item() != 0 and fresh.item() == pytest.approx(torch.stack(halves).mean().item(), rel=1e-5)


def test_frozen_encoder_gets_no_gradient() -> None:
    pipeline = build_pipeline(get_preset("tiny"), frozen_encoder=True)
    trained = SDSegLearner(pipeline, DiffusionConfig(steps=1, learning_rate=1e-3), frozen_encoder=True)
    trained(batch())[0].backward()
    assert all(p.grad is None and not p.requires_grad for p in pipeline.vision_encoder.parameters())
    assert all(p.grad is not None for p in pipeline.unet.parameters())


def test_weights_for_inference_only_cannot_be_trained() -> None:
    pipeline = build_pipeline(get_preset("tiny"))
    pipeline.register_modules(vae=MaskDecoder.of(pipeline.vae))
    with pytest.raises(WeightsError, match="inference only"):
        learner(pipeline)


def test_cross_attention_learns_too() -> None:
    pipeline = build_pipeline(get_preset("tiny"), conditioning="cross_attention")
    learner(pipeline)(batch())[0].backward()
    assert all(p.grad is not None for p in pipeline.vision_encoder.parameters())


def test_one_class_of_those_present_is_learnt() -> None:
    """Class 0 is the whole foreground; a class that is not in the slice is never asked for."""
    masks = torch.zeros(300, 1, 8, 8, dtype=torch.uint8)
    masks[:, :, :4] = 2
    masks[150:, :, 4:6] = 1
    drawn = SDSegLearner(
        build_pipeline(get_preset("tiny"), classes=4), DiffusionConfig(steps=1, learning_rate=1e-3)
    )._draw_classes(Batch(torch.zeros(300, 3, 8, 8), masks, tuple(range(300)), Draws(range(300))))
    assert drawn is not None
    assert set(drawn[:150].tolist()) == {0, 2} and set(drawn[150:].tolist()) == {0, 1, 2}
    counts = torch.bincount(drawn[150:], minlength=3)
    assert counts.min() > 30, "uniformly"


def test_class_conditional_loss_has_gradients_everywhere() -> None:
    pipeline = build_pipeline(get_preset("tiny"), classes=3)
    masks = torch.randint(0, 3, (4, 1, 64, 64), dtype=torch.uint8)
    learner(pipeline)(batch(4, masks))[0].backward()
    assert all(p.grad is not None for p in pipeline.unet.parameters())


def test_kept_latents_are_the_same_latents() -> None:
    vae = build_pipeline(get_preset("tiny")).vae.eval()
    masks = (torch.rand(3, 1, 64, 64) > 0.5).to(torch.uint8)
    keys = [(5, 0), (6, 0), (7, 0)]
    anew, kept = MaskLatents(vae, keep=False), MaskLatents(vae, keep=True)
    first = kept.sample(masks, keys, Draws([1, 2, 3]))
    torch.testing.assert_close(first, anew.sample(masks, keys, Draws([1, 2, 3])))
    # From now on the masks are not looked at: what the keys name is remembered, in any order.
    again = kept.sample(torch.zeros_like(masks), keys[::-1], Draws([3, 2, 1]))
    torch.testing.assert_close(again, first.flip(0))


@pytest.mark.parametrize(
    ("changes", "moves"),
    [
        ({}, True),
        ({"probability": 0.0}, True),  # it still flips
        ({"probability": 0.0, "flip_columns": False}, False),
        ({"rotate": 0.0, "scale": (0.0, 0.0), "shear": 0.0, "translate": 0.0, "flip_columns": False}, False),
        ({"probability": 0.0, "flip_columns": False, "flip_rows": True}, True),
    ],
)
def test_latents_are_kept_only_where_masks_stay(changes: dict, moves: bool) -> None:
    assert AugmentationConfig(**changes).moves is moves


def test_masks_become_pictures() -> None:
    picture = mask_to_image(torch.tensor([[[[0, 1], [2, 0]]]], dtype=torch.uint8))
    assert picture.shape == (1, 3, 2, 2)
    assert picture[0, 0].tolist() == [[-1, 1], [1, -1]]


def test_widened_changes_go_further_and_nothing_new_begins() -> None:
    wide = AugmentationConfig(probability=0.8, rotate=0.2, scale=(-0.4, 0.4), gamma=(0.5, 2.0), noise=0.05).widened
    assert (wide.probability, wide.gamma, wide.noise) == (1.0, (0.25, 4.0), 0.1)
    assert wide.rotate == pytest.approx(0.3) and wide.scale == pytest.approx((-0.5, 0.6))
    still = AugmentationConfig(probability=0, flip_columns=False, noise=0, bias_field=0, blur=0).widened
    assert build_augmentation(still, 64) is None and not still.moves
