"""Where a training starts: autoencoders and latent-diffusion checkpoints."""

from pathlib import Path

import pytest
import torch
from diffusers import AutoencoderKL
from helpers.models import save_tiny_weights, tiny_pipeline

from sdseg.errors import WeightsError
from sdseg.model.pipeline import SDSegPipeline
from sdseg.weights.export import authors_state_dict
from sdseg.weights.importing import import_weights
from sdseg.weights.source import Choices, Kind, import_source

STAGE, UNET = "first_stage_model.", "model.diffusion_model."
ENTRY = UNET + "input_blocks.0.0.weight"


@pytest.fixture(scope="module")
def reference() -> SDSegPipeline:
    return tiny_pipeline(seed=5)


def same(first: torch.nn.Module, second: torch.nn.Module) -> bool:
    ours, theirs = first.state_dict(), second.state_dict()
    return ours.keys() == theirs.keys() and all(torch.equal(ours[key], theirs[key]) for key in ours)


def ldm_state_dict(pipeline: SDSegPipeline) -> dict[str, torch.Tensor]:
    """As latent diffusion writes it: no image latent, and the EMA beside."""
    tensors = {key: value for key, value in authors_state_dict(pipeline).items() if "cond_stage" not in key}
    tensors[ENTRY] = tensors[ENTRY][:, :4].clone()
    tensors["model_ema.diffusion_modelinput_blocks00weight"] = tensors[ENTRY].clone()
    return tensors | {STAGE + "loss.logvar": torch.zeros(1)}


def kl_state_dict(pipeline: SDSegPipeline) -> dict[str, torch.Tensor]:
    """As CompVis' autoencoders are written: without a prefix, with the discriminator."""
    tensors = {k.removeprefix(STAGE): v for k, v in authors_state_dict(pipeline).items() if k.startswith(STAGE)}
    return tensors | {"loss.discriminator.main.0.weight": torch.zeros(3), "loss.logvar": torch.zeros(1)}


def save(tensors: dict[str, torch.Tensor], path: Path) -> str:
    torch.save({"state_dict": tensors, "global_step": 7}, path)
    return str(path)


def starts_from(pipeline: SDSegPipeline, reference: SDSegPipeline) -> None:
    """The autoencoder is the reference's, the vision encoder a copy with a projection of its own."""
    assert same(pipeline.vae, reference.vae)
    assert same(pipeline.vision_encoder.encoder, reference.vae.encoder)
    encoder, decoder = (next(part.parameters()).data_ptr() for part in (pipeline.vision_encoder, pipeline.vae))
    assert encoder != decoder


def test_ldm_checkpoint(reference: SDSegPipeline, tmp_path: Path) -> None:
    imported = import_source(save(ldm_state_dict(reference), tmp_path / "a.ckpt"))
    pipeline = imported.pipeline
    starts_from(pipeline, reference)
    assert imported.preset.name == "tiny"
    entry, before = (one.unet.unet.conv_in.weight for one in (pipeline, reference))
    assert torch.equal(entry[:, :4], before[:, :4])
    assert not entry[:, 4:].any()
    pipeline.unet.unet.conv_in.weight.data = before
    assert same(pipeline.unet, reference.unet)


def test_the_image_is_ignored_at_first(reference: SDSegPipeline, tmp_path: Path) -> None:
    pipeline = import_source(save(ldm_state_dict(reference), tmp_path / "a.ckpt")).pipeline
    noise, images = torch.randn(1, 4, 8, 8), torch.randn(2, 4, 8, 8)
    with torch.inference_mode():
        first, second = pipeline.estimate_mask_latent(images, noise)
    torch.testing.assert_close(first, second, atol=1e-3, rtol=0)


def test_autoencoder_checkpoint(reference: SDSegPipeline, tmp_path: Path) -> None:
    source = save(kl_state_dict(reference), tmp_path / "a.ckpt")
    imported = import_source(source)
    starts_from(imported.pipeline, reference)
    assert imported.preset.name == "tiny"
    assert imported.facts["dropped"] == {"training loss of the autoencoder": 2}
    again, other = (import_source(source, choices=Choices(seed=seed)).pipeline for seed in (0, 1))
    assert same(imported.pipeline.unet, again.unet)
    assert same(imported.pipeline.vision_encoder, again.vision_encoder)
    assert not same(imported.pipeline.unet, other.unet)
    assert not same(imported.pipeline.vision_encoder.projection, other.vision_encoder.projection)


def test_importing_leaves_the_callers_random_numbers_alone(reference: SDSegPipeline, tmp_path: Path) -> None:
    source = save(kl_state_dict(reference), tmp_path / "a.ckpt")
    before = torch.get_rng_state()
    import_source(source)
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("inside", ["", "vae"])
def test_diffusers_folder(inside: str, reference: SDSegPipeline, tmp_path: Path) -> None:
    reference.vae.save_pretrained(tmp_path / "model" / inside)
    imported = import_source(str(tmp_path / "model"))
    starts_from(imported.pipeline, reference)
    assert imported.preset.name == "tiny"


def test_autoencoder_of_our_own_folder(tmp_path: Path) -> None:
    folder = save_tiny_weights(tmp_path / "weights", seed=5)
    card = import_weights(str(folder / "vae"), tmp_path / "start", Kind.autoencoder)
    assert card.training["import"]["trained"] is False


def test_diffusers_folder_without_safetensors(reference: SDSegPipeline, tmp_path: Path) -> None:
    reference.vae.save_pretrained(tmp_path / "model", safe_serialization=False)
    with pytest.raises(WeightsError, match="in safetensors"):
        import_source(str(tmp_path / "model"))


def test_autoencoder_of_another_kind(tmp_path: Path) -> None:
    other = AutoencoderKL(
        block_out_channels=(8, 8),
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        norm_num_groups=4,
        use_quant_conv=False,
    )
    other.save_pretrained(tmp_path / "model")
    with pytest.raises(WeightsError, match=r"missing \(quant_conv"):
        import_source(str(tmp_path / "model"), choices=Choices(preset="tiny"))


def test_a_preset_chooses_the_unet(reference: SDSegPipeline, tmp_path: Path) -> None:
    reference.vae.save_pretrained(tmp_path / "model")
    imported = import_source(str(tmp_path / "model"), choices=Choices(preset="small"))
    assert imported.preset.name == "custom"
    assert tuple(imported.pipeline.unet.config.block_out_channels) == (64, 128, 128)


@pytest.mark.parametrize("gone", [ENTRY, STAGE + "decoder.conv_in.bias"])
def test_a_missing_tensor(gone: str, reference: SDSegPipeline, tmp_path: Path) -> None:
    tensors = ldm_state_dict(reference)
    del tensors[gone]
    with pytest.raises(WeightsError, match=r"missing|no U-Net"):
        import_source(save(tensors, tmp_path / "a.ckpt"))
