"""Scores of slices and images: the disagreement of the decoded masks, for the price of one encoder pass."""

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.dicom_series import SeriesMaker
from helpers.models import tiny_card, tiny_pipeline
from helpers.rivals import tiny_rival

from sdseg.errors import InputError
from sdseg.inference.segmenter import Segmenter
from sdseg.model.slice_model import SliceModel
from sdseg.selection import score_image, score_slices
from sdseg.volume.slices import to_slices

NOISES = 3


@pytest.fixture(scope="module")
def slices() -> torch.Tensor:
    return torch.rand(5, 1, 64, 64, generator=torch.Generator().manual_seed(1)) * 2 - 1


def by_definition(masks: list[np.ndarray]) -> float:
    pairs = list(combinations(masks, 2))
    shared = sum(2 * np.count_nonzero(one & other) for one, other in pairs)
    return 1 - shared / sum(np.count_nonzero(one) + np.count_nonzero(other) for one, other in pairs)


def count_calls(*modules: torch.nn.Module) -> list[int]:
    calls = [0] * len(modules)
    for number, module in enumerate(modules):

        def note(*_: object, number: int = number) -> None:
            calls[number] += 1

        module.register_forward_hook(note)
    return calls


def test_a_slice_scores_one_minus_the_dice_between_the_masks_of_its_noises(slices: torch.Tensor) -> None:
    pipeline = tiny_pipeline()
    wanted = [(pipeline(slices.expand(-1, 3, -1, -1), seed=7 + n)[:, 0] > 0.5).numpy() for n in range(NOISES)]
    scores = score_slices(pipeline, slices, NOISES, seed=7)
    for number, score in enumerate(scores):
        assert score.uncertainty == pytest.approx(by_definition([mask[number] for mask in wanted]), abs=1e-3)
    assert len({score.uncertainty for score in scores}) > 1


def test_the_encoder_runs_once_and_unet_and_decoder_once_a_noise(slices: torch.Tensor) -> None:
    pipeline = tiny_pipeline()
    calls = count_calls(pipeline.vision_encoder, pipeline.unet, pipeline.vae.decoder)
    told: list[tuple[int, int]] = []
    score_slices(pipeline, slices, NOISES, batch_size=2, progress=lambda *step: told.append(step))
    assert calls == [3, 3 * NOISES, 3 * NOISES]  # three batches
    assert told == [(done, 12) for done in range(13)]  # before each pass, and at the end


def test_the_batch_size_does_not_matter(slices: torch.Tensor) -> None:
    pipeline = tiny_pipeline()
    one, other = (score_slices(pipeline, slices, NOISES, batch_size=size) for size in (1, 5))
    for a, b in zip(one, other, strict=True):
        assert a.uncertainty == pytest.approx(b.uncertainty, abs=1e-3)
        np.testing.assert_allclose(a.embedding, b.embedding, atol=1e-5)


def test_each_class_is_measured_on_its_own_masks_and_the_background_does_not_count(slices: torch.Tensor) -> None:
    pipeline = tiny_pipeline(classes=3)
    found = [pipeline(slices.expand(-1, 3, -1, -1), seed=n).argmax(dim=1).numpy() for n in range(NOISES)]
    for number, score in enumerate(score_slices(pipeline, slices, NOISES)):
        masks = [[one[number] == value for one in found] for value in (1, 2)]
        known = [by_definition(each) for each in masks if any(mask.any() for mask in each)]
        assert score.uncertainty == pytest.approx(np.mean(known), abs=1e-2)


def test_nothing_found_has_no_uncertainty(slices: torch.Tensor) -> None:
    pipeline = tiny_pipeline()
    pipeline.vae.decoder.conv_out.weight.data.zero_()
    pipeline.vae.decoder.conv_out.bias.data.fill_(-1)
    assert [score.uncertainty for score in score_slices(pipeline, slices, NOISES)] == [None] * 5


def test_no_noises_give_embeddings_alone(slices: torch.Tensor) -> None:
    pipeline = tiny_pipeline()
    calls = count_calls(pipeline.vision_encoder, pipeline.unet)
    scores = score_slices(pipeline, slices, 0)
    assert calls == [1, 0]
    np.testing.assert_array_equal(scores[0].embedding, score_slices(pipeline, slices, NOISES)[0].embedding)
    assert scores[0].uncertainty is None


@pytest.mark.parametrize("kind", ["sdseg", "basic_unet"])
def test_slices_that_look_alike_lie_near_each_other(kind: str, slices: torch.Tensor) -> None:
    pipeline: SliceModel = tiny_pipeline() if kind == "sdseg" else tiny_rival(kind)
    # Smooth pictures: whatever is small in them a pooled latent does not tell.
    left = torch.linspace(-1, 1, 64).expand(1, 1, 64, 64)
    images = torch.cat([left, left + 0.02 * slices[:1], -left])
    one, same, other = (score.embedding for score in score_slices(pipeline, images, 0))
    assert np.linalg.norm(one) == pytest.approx(1, abs=1e-5)
    assert np.linalg.norm(one - same) < 0.25 * np.linalg.norm(one - other)


def test_a_network_without_noise_runs_once_and_tells_by_its_probabilities(slices: torch.Tensor) -> None:
    network = tiny_rival("basic_unet")
    calls = count_calls(network.network)
    scores = score_slices(network, slices, NOISES)
    assert calls == [1]
    for probability, score in zip(network(slices.expand(-1, 3, -1, -1))[:, 0].double(), scores, strict=True):
        assert score.uncertainty == pytest.approx(float(1 - (probability**2).sum() / probability.sum()), abs=1e-5)


def test_image_diffusion_draws_noise_too(slices: torch.Tensor) -> None:
    model = tiny_rival("image_diffusion")
    found = [(model(slices[:1].expand(-1, 3, -1, -1), seed=n)[0, 0] > 0.5).numpy() for n in range(2)]
    (score,) = score_slices(model, slices[:1], 2)
    assert score.uncertainty == pytest.approx(by_definition(found), abs=1e-3)


@pytest.mark.parametrize("noises", [-1, 1, 101])
def test_so_many_noises_measure_nothing(noises: int, slices: torch.Tensor) -> None:
    with pytest.raises(InputError, match=f"not {noises}"):
        score_slices(tiny_pipeline(), slices, noises)


def test_a_series_is_scored_as_a_whole(tmp_path: Path) -> None:
    folder = SeriesMaker(modality="MR", slices=4).save(tmp_path / "mr")
    model = Segmenter(tiny_pipeline(), tiny_card(), "0" * 64)
    steps = model.pre_transforms(folder)
    data: dict[str, object] = {"image": folder}
    for step in steps:
        data = step(data)
    on_grid = [(model.predict(data["image"], seed)[0] > 0.5).numpy() for seed in range(NOISES)]  # type: ignore[arg-type]
    score = score_image(model, folder, NOISES)
    assert score.uncertainty == pytest.approx(by_definition(on_grid), abs=1e-3)
    slices = score_slices(model.pipeline, to_slices(data["image"]), NOISES)  # type: ignore[arg-type]
    mean = np.mean([each.embedding for each in slices], axis=0)
    np.testing.assert_allclose(score.embedding, mean / np.linalg.norm(mean), atol=1e-5)


def test_an_unreadable_image_is_told(tmp_path: Path) -> None:
    (tmp_path / "broken.nii.gz").write_bytes(b"no volume")
    with pytest.raises(InputError):
        score_image(Segmenter(tiny_pipeline(), tiny_card(), "0" * 64), tmp_path / "broken.nii.gz")


def test_whoever_looks_on_may_stop_it(slices: torch.Tensor) -> None:
    def stop(done: int, total: int) -> None:
        if done == 2:
            raise InterruptedError

    pipeline = tiny_pipeline()
    calls = count_calls(pipeline.unet)
    with pytest.raises(InterruptedError):
        score_slices(pipeline, slices, NOISES, progress=stop)
    assert calls == [1]
