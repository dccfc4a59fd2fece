"""Lite parts beside the networks of a weights folder: what they answer, where they fit, the weights' identity."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from helpers.models import save_tiny_weights, tiny_pipeline
from helpers.rivals import rival_card, tiny_rival
from torch.utils.flop_counter import FlopCounterMode

from sdseg.engines.engine import ENGINES, engines_for
from sdseg.engines.speed import LITE, PARTS, Speed
from sdseg.engines.speed_up import speed_up
from sdseg.errors import InputError, WeightsError
from sdseg.inference.segmenter import Segmenter
from sdseg.model.card import ModelCard
from sdseg.model.kinds import LITE_DECODER, LITE_ENCODER, LITE_PARTS, LITE_UNET, NETWORK_FILE
from sdseg.model.lite import LiteDecoder, LiteEncoder, LiteUNet, new_lite, with_lite, with_parts
from sdseg.model.networks import build_autoencoder, build_unet
from sdseg.model.presets import PRESETS, get_preset
from sdseg.model.schedule import PREDICTION_TYPES
from sdseg.model.weights import load_weights, save_weights, weights_sha256

ALL = (LITE,) * len(PARTS)
SLICES = torch.rand(3, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    """Tiny weights without lite parts."""
    return save_tiny_weights(tmp_path / "plain")


@pytest.fixture
def weights(plain: Path) -> Path:
    """The same with random lite parts."""
    folder = plain.with_name("weights")
    shutil.copytree(plain, folder)
    pipeline = load_weights(folder)
    torch.manual_seed(1)
    for name in PARTS:
        answering(new_lite(name, pipeline)).half().save_pretrained(folder / f"lite_{name}")
    return folder


def answering(part: torch.nn.Module) -> torch.nn.Module:
    """One whose last layer is not the zero that training begins with."""
    if isinstance(part, LiteUNet):
        torch.nn.init.normal_(part.conv_out.weight, std=0.2)
    return part


@pytest.mark.parametrize("preset", PRESETS)
def test_sizes_follow_the_preset(preset: str) -> None:
    sizes = get_preset(preset)
    with torch.device("meta"):
        vae, unet = build_autoencoder(sizes), build_unet(sizes)
        decoder, encoder, lite = LiteDecoder.like(vae), LiteEncoder.like(vae), LiteUNet.like(unet, "epsilon")
        latent = torch.zeros(2, sizes.latent_channels, sizes.latent_size, sizes.latent_size)
        image = torch.zeros(2, 3, sizes.image_size, sizes.image_size)
        assert decoder.decode(latent).sample.shape == image.shape
        assert encoder(image).shape == latent.shape
        both = torch.cat([latent, latent], dim=1)
        assert lite.estimate(both).shape == latent.shape
        with FlopCounterMode(display=False) as cheap:
            lite.estimate(both)
        with FlopCounterMode(display=False) as dear:
            unet(both, torch.zeros(2))
    assert cheap.get_total_flops() < dear.get_total_flops() / 3
    counts = [sum(p.numel() for p in part.parameters()) for part in (decoder, encoder)]
    assert counts[0] < 1.0e6 and counts[1] < 1.2e6


def test_the_three_channels_are_alike() -> None:
    decoder = LiteDecoder.like(tiny_pipeline().vae)
    sample = decoder.decode(torch.randn(2, 4, 8, 8)).sample
    assert torch.equal(sample[:, 0], sample[:, 1]) and torch.equal(sample[:, 0], sample[:, 2])
    assert sample.std() > 0


@pytest.mark.parametrize(
    ("decoder", "encoder", "unet"),
    [("lite", "full", "full"), ("full", "lite", "full"), ("full", "full", "lite"), ("lite", "lite", "lite")],
)
def test_each_part_takes_the_place_of_its_full_one(weights: Path, decoder: str, encoder: str, unet: str) -> None:
    full, mixed = load_weights(weights), with_lite(load_weights(weights), weights, decoder, encoder, unet)
    assert isinstance(mixed.vae, LiteDecoder) == (decoder == "lite")
    assert isinstance(mixed.vision_encoder, LiteEncoder) == (encoder == "lite")
    assert isinstance(mixed.unet, LiteUNet) == (unet == "lite")
    assert mixed.image_size == full.image_size and mixed.vae.config.scaling_factor == full.vae.config.scaling_factor
    assert torch.equal(mixed.encode(SLICES), full.encode(SLICES)) == (encoder == "full")
    latent = torch.randn(2, 4, 8, 8)
    same = torch.equal(mixed.decode_mask_latent(latent), full.decode_mask_latent(latent))
    assert same == (decoder == "full")
    noise = full.draw_noise(0)
    estimates = (model.estimate_mask_latent(latent, noise) for model in (full, mixed))
    assert torch.equal(*estimates) == (unet == "full")
    assert mixed(SLICES).shape == (3, 1, 64, 64)


@pytest.mark.slow
@pytest.mark.parametrize("name", [engine.name for engine in engines_for("cpu") if engine.exact])
def test_engines_run_lite_parts_alike(weights: Path, name: str) -> None:
    expected = with_lite(load_weights(weights), weights, *ALL)(SLICES)
    found = speed_up(with_lite(load_weights(weights), weights, *ALL), ENGINES[name])(SLICES)
    if "bf16" not in name:
        torch.testing.assert_close(found, expected, atol=1e-4, rtol=0)
    full = load_weights(weights)(SLICES)
    # Of all pixels: random weights amplify the rounding of a few.
    assert (found - expected).abs().mean() < 0.05 * (full - expected).abs().mean()


def test_a_segmenter_is_loaded_with_lite_parts(weights: Path) -> None:
    segmenter = Segmenter.load(weights, speed=Speed("plain", *ALL))
    assert isinstance(segmenter.pipeline.vae, LiteDecoder) and segmenter.speed.is_lite
    assert isinstance(segmenter.pipeline.unet, LiteUNet)
    assert segmenter.weights_sha256 == weights_sha256(weights)


def test_lite_parts_belong_to_the_identity(plain: Path, weights: Path) -> None:
    found = {weights_sha256(plain), weights_sha256(weights)}
    shutil.rmtree(weights / LITE_ENCODER)
    found.add(weights_sha256(weights))
    shutil.rmtree(weights / LITE_UNET)
    found.add(weights_sha256(weights))
    assert len(found) == 4
    shutil.rmtree(weights / LITE_DECODER)
    assert weights_sha256(weights) == weights_sha256(plain)


def test_a_changed_lite_part_is_another_identity(weights: Path) -> None:
    before = weights_sha256(weights)
    path = weights / LITE_DECODER / NETWORK_FILE
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    assert weights_sha256(weights) != before


@pytest.mark.parametrize("part", LITE_PARTS)
def test_what_is_missing_is_said_with_the_remedy(plain: Path, part: str) -> None:
    what = part.removeprefix("lite_")
    with pytest.raises(WeightsError, match=rf"no lite {what}; make one with `sdseg distill .*--{what} full\.$"):
        with_lite(load_weights(plain), plain, **{what: "lite"})


@pytest.mark.parametrize("part", LITE_PARTS)
def test_a_damaged_lite_part_is_refused(weights: Path, part: str) -> None:
    pipeline, path = load_weights(weights), weights / part / NETWORK_FILE
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(WeightsError, match=rf"lite part in .*{part} cannot be loaded.*restore or distil it"):
        with_lite(pipeline, weights, *ALL)
    path.unlink()
    with pytest.raises(WeightsError, match=f"lacks {part}/{NETWORK_FILE}"):
        load_weights(weights)


@pytest.mark.parametrize(
    ("part", "key", "value"),
    [("decoder", "scaling_factor", 0.5), ("unet", "sample_size", 16), ("unet", "prediction_type", "sample")],
)
def test_a_part_of_another_model_is_refused(weights: Path, part: str, key: str, value: object) -> None:
    config = weights / f"lite_{part}" / "config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), key: value}))
    with pytest.raises(WeightsError, match=rf"lite {part} in .* was made for another (autoencoder|model); distil it"):
        with_lite(load_weights(weights), weights, **{part: "lite"})


@pytest.mark.parametrize("prediction_type", PREDICTION_TYPES)
@pytest.mark.parametrize("classes", [None, 3])
def test_the_closed_form_recovers_what_the_lite_unet_estimates(prediction_type: str, classes: int | None) -> None:
    """Whatever the scheduler wants predicted, plainly and by an engine in low precision."""
    pipeline = tiny_pipeline(classes=classes, prediction_type=prediction_type)
    unet = answering(LiteUNet.like(pipeline.unet, prediction_type)).eval().requires_grad_(False)
    latent, noise = torch.randn(2, 4, 8, 8), pipeline.draw_noise(0).expand(2, -1, -1, -1)
    ids = None if classes is None else torch.tensor([0, 2])
    wanted = unet.estimate(torch.cat([noise, latent], dim=1), ids)
    plain = with_parts(pipeline, {"unet": unet}).estimate_mask_latent(latent, noise, ids)
    torch.testing.assert_close(plain, wanted, atol=2e-5, rtol=0)
    fast = speed_up(pipeline, ENGINES["torch-bf16"]).estimate_mask_latent(latent, noise, ids)
    torch.testing.assert_close(fast, wanted, atol=0.02 * float(wanted.std()), rtol=0)


def test_the_lite_unet_makes_the_single_step_only(weights: Path) -> None:
    pipeline = with_lite(load_weights(weights), weights, unet="lite")
    with pytest.raises(InputError, match="the single reverse step only; choose the full one for more steps"):
        pipeline(SLICES, num_inference_steps=2)


def test_encoders_without_normalisation_are_encoders_too() -> None:
    """As those that were distilled before there was one."""
    encoder = LiteEncoder(block_out_channels=(8, 16), shrink=8)
    assert encoder(SLICES).shape == (3, 4, 8, 8) and not any("norm" in name for name in encoder.state_dict())


def test_a_lite_network_is_valid_or_not_built() -> None:
    with pytest.raises(ValueError, match="an encoder of 4 halvings cannot shrink a picture by 8"):
        LiteEncoder(block_out_channels=(8, 8, 8, 8, 8), shrink=8)
    with pytest.raises(ValueError, match="8 input channels are not two latents of 3"):
        LiteUNet(out_channels=3)
    with pytest.raises(ValueError, match="a latent of 6 pixels cannot be halved 2 times"):
        LiteUNet(sample_size=6)


def test_unknown_choices_and_other_models_are_one_sentence(weights: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="There is no decoder 'tiny'; choose one of: full, lite"):
        with_lite(load_weights(weights), weights, decoder="tiny")
    save_weights(tiny_rival("basic_unet"), rival_card("basic_unet"), tmp_path / "rival")
    with pytest.raises(InputError, match="nothing of it can be lite; use full"):
        with_lite(load_weights(tmp_path / "rival"), tmp_path / "rival", decoder="lite")


def test_saving_the_model_anew_leaves_the_parts_out(weights: Path, tmp_path: Path) -> None:
    """They belong to the weights they were distilled from, not to what training makes of these."""
    save_weights(load_weights(weights), ModelCard.load(weights), tmp_path / "next")
    assert not any((tmp_path / "next" / part).exists() for part in LITE_PARTS)
