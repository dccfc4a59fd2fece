"""The pipeline: one step, one noise, saved and loaded whole."""

from pathlib import Path

import pytest
import torch
from diffusers import DDPMScheduler
from diffusers.models.attention_processor import Attention
from helpers.models import tiny_pipeline

from sdseg.errors import UnknownNameError
from sdseg.model.pipeline import SDSegPipeline, build_pipeline
from sdseg.model.presets import PRESETS, get_preset
from sdseg.model.schedule import draw_noise, estimate_clean_latent, make_scheduler
from sdseg.model.unet import DenoisingUNet
from sdseg.model.vision_encoder import VisionEncoder


@pytest.fixture(scope="module")
def pipeline() -> SDSegPipeline:
    return tiny_pipeline()


@pytest.fixture
def images() -> torch.Tensor:
    return torch.rand(5, 3, 64, 64, generator=torch.Generator().manual_seed(1)) * 2 - 1


def test_probability_of_every_slice(pipeline: SDSegPipeline, images: torch.Tensor) -> None:
    probability = pipeline(images)
    assert probability.shape == (5, 1, 64, 64)
    assert probability.dtype == torch.float32
    assert 0 <= probability.min() < probability.max() <= 1


def test_a_slice_does_not_depend_on_its_batch(pipeline: SDSegPipeline, images: torch.Tensor) -> None:
    together = pipeline(images, seed=3)
    alone = torch.cat([pipeline(image[None], seed=3) for image in images])
    torch.testing.assert_close(together, alone, atol=1e-4, rtol=0)


def test_seed_chooses_the_noise(pipeline: SDSegPipeline, images: torch.Tensor) -> None:
    assert torch.equal(pipeline(images, seed=1), pipeline(images, seed=1))
    assert not torch.equal(pipeline(images, seed=1), pipeline(images, seed=2))


def test_noise_is_the_first_draw_after_the_seed() -> None:
    torch.manual_seed(0)
    assert torch.equal(draw_noise(0, 4, 32), torch.randn(1, 4, 32, 32))


def test_saved_pipeline_gives_the_same(pipeline: SDSegPipeline, images: torch.Tensor, tmp_path: Path) -> None:
    pipeline.save_pretrained(tmp_path)
    loaded = SDSegPipeline.from_pretrained(tmp_path, low_cpu_mem_usage=False)
    for name in ("vae", "vision_encoder", "unet"):
        ours, theirs = (getattr(one, name).state_dict() for one in (pipeline, loaded))
        assert all(torch.equal(ours[key], value) for key, value in theirs.items())
    # Where a tensor lies in memory decides which kernel adds up in which order.
    torch.testing.assert_close(loaded(images), pipeline(images), atol=1e-4, rtol=0)
    assert {path.name for path in tmp_path.iterdir()} >= {"unet", "vae", "vision_encoder", "scheduler"}
    assert not list(tmp_path.rglob("*.bin"))


def test_heads_are_counted_not_measured(tmp_path: Path) -> None:
    unet = DenoisingUNet(sample_size=8, block_out_channels=(16, 32, 32), layers_per_block=1, norm_num_groups=4)
    unet.save_pretrained(tmp_path)
    for model in (unet, DenoisingUNet.from_pretrained(tmp_path, low_cpu_mem_usage=False)):
        attentions = [module for module in model.modules() if isinstance(module, Attention)]
        assert {attention.heads for attention in attentions} == {8}
        assert {attention.scale for attention in attentions} == {(16 / 8) ** -0.5, (32 / 8) ** -0.5}
        assert all(attention.group_norm is not None for attention in attentions)


def test_vision_encoder_starts_as_a_copy(pipeline: SDSegPipeline, images: torch.Tensor) -> None:
    encoder = VisionEncoder.from_autoencoder(pipeline.vae).eval()
    assert torch.equal(encoder.encoder(images), pipeline.vae.encoder(images))
    assert encoder(images).shape == (5, 4, 8, 8)


def test_schedule_is_the_papers() -> None:
    alphas_cumprod = make_scheduler().alphas_cumprod
    assert len(alphas_cumprod) == 1000
    assert float(alphas_cumprod[999] ** -0.5) == pytest.approx(38.6719, abs=1e-3)
    assert float((1 / alphas_cumprod[999] - 1) ** 0.5) == pytest.approx(38.6590, abs=1e-3)


def test_estimate_inverts_the_forward_process() -> None:
    scheduler: DDPMScheduler = make_scheduler()
    clean, noise = torch.randn(3, 4, 8, 8), torch.randn(3, 4, 8, 8)
    timesteps = torch.tensor([0, 500, 999])
    noisy = scheduler.add_noise(clean, noise, timesteps)
    torch.testing.assert_close(estimate_clean_latent(scheduler, noisy, noise, timesteps), clean, atol=1e-4, rtol=0)


def test_estimate_agrees_with_diffusers() -> None:
    scheduler = make_scheduler()
    noisy, noise = torch.randn(1, 4, 8, 8), torch.randn(1, 4, 8, 8)
    theirs = scheduler.step(noise, 999, noisy).pred_original_sample
    ours = estimate_clean_latent(scheduler, noisy, noise, torch.tensor([999]))
    torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=0)


@pytest.mark.parametrize("name", PRESETS)
def test_presets_fit_together(name: str) -> None:
    preset = get_preset(name)
    with torch.device("meta"):
        model = build_pipeline(preset)
    assert (model.image_size, model.latent_size) == (preset.image_size, preset.latent_size)


def test_paper_sizes() -> None:
    """Parameter counts of the paper's model, without allocating it."""
    with torch.device("meta"):
        model = build_pipeline(get_preset("sd"))
    millions = {
        name: sum(p.numel() for p in getattr(model, name).parameters()) / 1e6 for name in ("vision_encoder", "unet")
    }
    decoder = sum(p.numel() for p in model.vae.decoder.parameters()) / 1e6
    assert millions["vision_encoder"] == pytest.approx(34.2, abs=0.05)
    assert millions["unet"] == pytest.approx(295.0, abs=0.1)
    assert decoder == pytest.approx(49.5, abs=0.05)
    assert model.image_size == 256


def test_unknown_preset_names_the_known() -> None:
    with pytest.raises(UnknownNameError, match=f"'huge'.*{', '.join(PRESETS)}"):
        get_preset("huge")
