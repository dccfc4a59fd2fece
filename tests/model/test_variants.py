"""The ablation's models: cross-attention instead of concatenation, and an encoder that is not trained."""

from pathlib import Path

import pytest
import torch
from diffusers.models.attention_processor import Attention
from helpers.models import tiny_card, tiny_pipeline

from sdseg.errors import UnknownNameError
from sdseg.model.cross_attention import CrossAttentionUNet
from sdseg.model.networks import build_autoencoder, build_unet
from sdseg.model.pipeline import SDSegPipeline, build_pipeline
from sdseg.model.presets import get_preset
from sdseg.model.unet import DenoisingUNet
from sdseg.model.vision_encoder import VisionEncoder
from sdseg.model.weights import load_weights, save_weights


@pytest.fixture(scope="module")
def images() -> torch.Tensor:
    return torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(1)) * 2 - 1


@pytest.fixture(scope="module")
def unet() -> CrossAttentionUNet:
    return tiny_pipeline(conditioning="cross_attention").unet


def random_latents(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(4))


@pytest.mark.parametrize("classes", [None, 3])
@pytest.mark.parametrize("prediction_type", ["epsilon", "sample"])
def test_cross_attention_segments_and_survives_saving(
    classes: int | None, prediction_type: str, images: torch.Tensor, tmp_path: Path
) -> None:
    pipeline = tiny_pipeline(classes=classes, conditioning="cross_attention", prediction_type=prediction_type)
    probability = pipeline(images, seed=3)
    assert probability.shape == (2, classes or 1, 64, 64)
    assert 0 <= probability.min() < probability.max() <= 1
    assert not torch.equal(probability, pipeline(images.flip(0), seed=3))
    save_weights(pipeline, tiny_card(("a", "b")[: (classes or 2) - 1]), tmp_path / "weights", torch.float32)
    loaded = load_weights(tmp_path / "weights")
    assert isinstance(loaded, SDSegPipeline)
    assert isinstance(loaded.unet, CrossAttentionUNet)
    assert loaded.classes == classes
    torch.testing.assert_close(loaded(images, seed=3), probability, atol=1e-4, rtol=0)


def test_the_image_enters_through_attention_alone(unet: CrossAttentionUNet) -> None:
    """Without the tokens' keys and values the image has no say; with them, image and its places have one."""
    sample, time = random_latents(2, 8, 8, 8), torch.tensor([999, 10])
    other_image = torch.cat([sample[:, :4], random_latents(2, 4, 8, 8)], dim=1)
    moved_image = torch.cat([sample[:, :4], sample[:, 4:].roll(3, dims=3)], dim=1)
    other_noise = torch.cat([random_latents(2, 4, 8, 8), sample[:, 4:]], dim=1)
    with torch.inference_mode():
        first = unet(sample, time)
        for changed in (other_image, moved_image, other_noise):
            assert not torch.allclose(unet(changed, time), first, atol=1e-4)
        attentions = [module for module in unet.modules() if isinstance(module, Attention)]
        hooks = [
            projection.register_forward_hook(lambda *told: torch.zeros_like(told[2]))
            for attention in attentions
            for projection in (attention.add_k_proj, attention.add_v_proj)
        ]
        without = [unet(changed, time) for changed in (sample, other_image, moved_image, other_noise)]
        for hook in hooks:
            hook.remove()
    assert torch.equal(without[0], without[1])
    assert torch.equal(without[0], without[2])
    assert not torch.allclose(without[0], without[3], atol=1e-4)


def test_nothing_but_the_conditioning_differs() -> None:
    plain, cross = (
        {key: tensor.shape for key, tensor in build_unet(get_preset("tiny"), 3, conditioning).state_dict().items()}
        for conditioning in ("concat", "cross_attention")
    )
    assert plain.keys() <= cross.keys()
    assert [key for key in plain if cross[key] != plain[key]] == ["unet.conv_in.weight"]
    more = {key.rsplit(".", 2)[-2] for key in cross.keys() - plain.keys()}
    assert more == {"tokens", "add_k_proj", "add_v_proj"}


def test_heads_are_counted_at_the_levels_of_self_attention(unet: CrossAttentionUNet) -> None:
    plain = build_unet(get_preset("tiny"))
    assert isinstance(plain, DenoisingUNet)
    heads, scales = (
        [
            {name: getattr(part, what) for name, part in model.named_modules() if isinstance(part, Attention)}
            for model in (plain, unet)
        ]
        for what in ("heads", "scale")
    )
    assert heads[0] == heads[1]
    assert set(heads[0].values()) == {get_preset("tiny").unet_num_attention_heads}
    assert scales[0] == scales[1]


@pytest.mark.parametrize("changes", [{"num_attention_heads": 3}, {"cross_attention_dim": 6}, {"in_channels": 7}])
def test_impossible_sizes(changes: dict[str, int]) -> None:
    sizes = {"block_out_channels": (16, 32), "norm_num_groups": 4, "layers_per_block": 1, "num_attention_heads": 2}
    with pytest.raises(ValueError, match=str(next(iter(changes.values())))):
        CrossAttentionUNet(**(sizes | changes))


def test_unknown_conditionings_are_refused() -> None:
    with pytest.raises(UnknownNameError, match=r"'film'.*concat, cross_attention"):
        build_pipeline(get_preset("tiny"), conditioning="film")


def test_a_frozen_encoder_gives_the_mean_of_the_autoencoder(images: torch.Tensor) -> None:
    torch.manual_seed(0)
    pipeline = build_pipeline(get_preset("tiny"), frozen_encoder=True)
    encoder = pipeline.vision_encoder
    assert not any(parameter.requires_grad for parameter in encoder.parameters())
    assert any(parameter.requires_grad for parameter in pipeline.unet.parameters())
    with torch.inference_mode():
        mean = pipeline.vae.encode(images).latent_dist.mean
        torch.testing.assert_close(encoder(images), mean, atol=1e-6, rtol=1e-6)
        trainable = VisionEncoder.from_autoencoder(pipeline.vae)
        assert (trainable(images) - mean).abs().max() > 1e-2
    assert all(parameter.requires_grad for parameter in trainable.parameters())


def test_a_frozen_encoder_needs_a_mean_to_copy() -> None:
    vae = build_autoencoder(get_preset("tiny"))
    vae.quant_conv = None
    with pytest.raises(ValueError, match="quant_conv"):
        VisionEncoder.from_autoencoder(vae, frozen=True)
