"""Every rival: probabilities of the right shape, sizes that fit, names and options that are refused."""

import pytest
import torch
from helpers.rivals import tiny_rival

from sdseg.errors import InputError, UnknownNameError
from sdseg.rivals import RIVALS, build_rival
from sdseg.rivals.dynamic_unet import plan_levels
from sdseg.rivals.network import RivalNetwork


def images(count: int) -> torch.Tensor:
    return torch.rand(count, 3, 64, 64, generator=torch.Generator().manual_seed(1)) * 2 - 1


@pytest.mark.parametrize("classes", [None, 4])
@pytest.mark.parametrize("kind", RIVALS)
def test_probabilities(kind: str, classes: int | None) -> None:
    pipeline = tiny_rival(kind, classes)
    probability = pipeline(images(2))
    assert (pipeline.image_size, pipeline.classes) == (64, classes)
    assert probability.shape == (2, classes or 1, 64, 64)
    assert probability.dtype == torch.float32
    assert probability.min() >= 0 and probability.max() <= 1
    assert probability.std() > 0
    assert (probability[0] != probability[1]).any(), "the image matters"
    if classes:
        torch.testing.assert_close(probability.sum(dim=1), torch.ones(2, 64, 64))


@pytest.mark.parametrize("kind", RIVALS)
def test_the_batch_does_not_matter(kind: str) -> None:
    pipeline = tiny_rival(kind)
    pipeline.network.train()  # no rival looks at its batch, not even in training
    together, alone = pipeline(images(3)), torch.cat([pipeline(image[None]) for image in images(3)])
    torch.testing.assert_close(together, alone, atol=1e-4, rtol=0)


@pytest.mark.parametrize("kind", RIVALS)
def test_the_standard_size_fits_small_and_large_images(kind: str) -> None:
    for size in (128, 256):
        network = build_rival(kind, size).network.to("meta")  # shapes alone: the large ones take seconds
        image, mask = (torch.zeros(1, channels, size, size, device="meta") for channels in (3, 1))
        inputs = (image, mask, torch.zeros(1, device="meta")) if RIVALS[kind].diffuses else (image,)
        assert network(*inputs).shape == (1, 1, size, size)


@pytest.mark.parametrize("kind", RIVALS)
def test_image_sizes_that_do_not_fit_are_told(kind: str) -> None:
    with pytest.raises(InputError, match=f"{kind} needs images of a multiple of"):
        build_rival(kind, 100, preset="tiny")


def test_unknown_names_are_told_with_those_there_are() -> None:
    with pytest.raises(UnknownNameError, match=f"no rival 'unet'; choose one of: {', '.join(RIVALS)}"):
        build_rival("unet", 64)
    with pytest.raises(UnknownNameError, match="no preset 'huge'; choose one of: standard, tiny"):
        build_rival("basic_unet", 64, preset="huge")


@pytest.mark.parametrize(
    ("kind", "options", "words"),
    [
        ("basic_unet", {"depth": 3}, "no option depth; its options are: features"),
        ("basic_unet", {"samples": 3}, "no option samples"),
        ("image_diffusion", {"samples": 0}, "samples must be a whole number from 1 to 1000, not 0"),
        ("image_diffusion", {"num_inference_steps": "ten"}, "num_inference_steps must be"),
        ("image_diffusion", {"prediction_type": "x"}, "one of sample, epsilon, not 'x'"),
        (
            "image_diffusion",
            {"channels": [8] * 8, "attention_levels": [False] * 8},
            "64 pixels cannot be halved 7 times",
        ),
        ("image_diffusion", {"channels": [8, 8]}, "mend its options"),
        ("basic_unet", {"features": [8, 8]}, "basic_unet cannot be built with .*mend its options"),
        ("unetr", {"num_heads": 5}, "mend its options"),
        ("flexible_unet", {"backbone": "resnet11"}, "mend its options"),
    ],
)
def test_options_that_do_not_fit_are_told(kind: str, options: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words) as told:
        build_rival(kind, 64, preset="tiny", **options)
    assert "\n" not in str(told.value)


def test_a_network_is_built_for_its_own_kind_of_rival() -> None:
    with pytest.raises(InputError, match="image_diffusion cannot be a RivalNetwork"):
        RivalNetwork("image_diffusion", 64)
    with pytest.raises(InputError, match="at least 2 with the background, not 1"):
        RivalNetwork("basic_unet", 64, classes=1)


def test_an_option_replaces_the_presets() -> None:
    wide = build_rival("basic_unet", 64, preset="tiny", features=[16, 16, 16, 16, 16, 16]).network
    assert wide.config.options == {"features": [16, 16, 16, 16, 16, 16]}
    assert wide.num_parameters() > build_rival("basic_unet", 64, preset="tiny").network.num_parameters()


@pytest.mark.parametrize(
    ("image_size", "filters"),
    [(128, (32, 64, 128, 256, 512, 512)), (256, (32, 64, 128, 256, 512, 512, 512)), (96, (32, 64, 128, 256, 512))],
)
def test_the_plan_goes_down_to_few_rows(image_size: int, filters: tuple[int, ...]) -> None:
    plan = plan_levels(image_size, base_filters=32, most_filters=512, least_rows=4)
    assert plan.filters == filters
    assert plan.strides == (1,) + (2,) * (len(filters) - 1)
    assert 4 <= image_size // 2 ** (len(filters) - 1) < 8
