"""What is folded gives what it gave before."""

import copy

import pytest
import torch
from diffusers.models.upsampling import Upsample2D

from sdseg.engines.folding import FoldedUpsample, fold_time, fold_upsampling
from sdseg.model.networks import build_autoencoder, build_unet
from sdseg.model.presets import get_preset


@pytest.mark.parametrize("form", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("bias", [True, False])
def test_a_folded_upsampling_equals_upsampling_and_convolving(bias: bool, form: torch.memory_format) -> None:
    layer = Upsample2D(6, use_conv=True, out_channels=5, bias=bias)
    batch = torch.randn(2, 6, 7, 4).contiguous(memory_format=form)
    expected, folded = layer(batch), FoldedUpsample(layer.conv)(batch)
    assert folded.shape == expected.shape
    torch.testing.assert_close(folded, expected, atol=1e-5, rtol=1e-5)


def test_another_convolution_does_not_fold() -> None:
    with pytest.raises(ValueError, match="3x3 convolution"):
        FoldedUpsample(torch.nn.Conv2d(3, 3, 5, padding=2))


def test_every_upsampling_of_a_decoder_folds() -> None:
    vae = build_autoencoder(get_preset("tiny")).eval()
    latent = torch.randn(1, 4, 8, 8)
    with torch.inference_mode():
        expected = vae.decode(latent).sample
        assert fold_upsampling(vae.decoder) == 3
        torch.testing.assert_close(vae.decode(latent).sample, expected, atol=1e-4, rtol=1e-4)


def test_a_folded_time_is_right_at_its_timestep_only() -> None:
    unet = build_unet(get_preset("tiny")).eval()
    sample = torch.randn(2, 8, 8, 8)
    with torch.inference_mode():
        expected, other = unet(sample, 999), unet(sample, 10)
        folded = copy.deepcopy(unet)
        assert fold_time(folded.unet, 999) > 0
        torch.testing.assert_close(folded(sample, 999), expected, atol=1e-6, rtol=1e-5)
        assert not torch.allclose(folded(sample, 10), other)


def test_a_folded_network_can_be_converted() -> None:
    unet = build_unet(get_preset("tiny")).eval()
    fold_time(unet.unet, 999)
    unet.to(torch.bfloat16)
    assert unet(torch.randn(1, 8, 8, 8, dtype=torch.bfloat16), 999).isfinite().all()


@pytest.mark.parametrize("conditioning", ["concat", "cross_attention"])
def test_the_time_of_several_classes_folds_class_by_class(conditioning: str) -> None:
    unet = build_unet(get_preset("tiny"), 3, conditioning).eval()
    sample, ids = torch.randn(4, 8, 8, 8), torch.tensor([2, 0, 1, 2])
    timesteps = torch.full((4,), 999)
    with torch.inference_mode():
        expected = unet(sample, timesteps, ids)
        fold_time(unet.unet, 999)
        torch.testing.assert_close(unet(sample, timesteps, ids), expected, atol=1e-6, rtol=1e-5)
        assert not torch.allclose(unet(sample, timesteps, ids.flip(0)), expected)
