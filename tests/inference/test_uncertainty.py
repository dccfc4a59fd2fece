"""Probability and disagreement over several noises: what they are, and that they cost nothing unless asked for."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers.dicom_series import SeriesMaker
from helpers.models import tiny_card, tiny_pipeline
from helpers.rivals import rival_card, tiny_rival

from sdseg.errors import InputError
from sdseg.inference.segmenter import Segmenter
from sdseg.inference.uncertainty import over_noises
from sdseg.model.kinds import SDSEG

NOISES = 4


def segmenter(classes: int | None = None, labels: Sequence[str] = ("brain",)) -> Segmenter:
    return Segmenter(tiny_pipeline(classes=classes), tiny_card(tuple(labels)), "0" * 64)


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return SeriesMaker(modality="MR", slices=4).save(tmp_path_factory.mktemp("mr"))


def test_mean_and_deviation_are_those_of_the_single_noises(image: Path) -> None:
    model = segmenter()
    alone = [model.segment(image, seed=seed).probability[0] for seed in range(5, 5 + NOISES)]
    assert not np.array_equal(alone[0], alone[1])
    found = model.segment(image, seed=5, noises=NOISES).uncertainty
    assert found is not None and found.seeds == (5, 6, 7, 8)
    np.testing.assert_allclose(found.probability["brain"], np.mean(alone, axis=0), atol=1e-6)
    np.testing.assert_allclose(found.disagreement["brain"], np.std(np.float64(alone), axis=0), atol=1e-6)
    assert found.probability["brain"].shape == (24, 20, 4) and found.disagreement["brain"].dtype == np.float32


def test_the_mask_is_the_same_with_and_without(image: Path) -> None:
    model = segmenter()
    plain, asked = model.segment(image, seed=3), model.segment(image, seed=3, noises=2)
    np.testing.assert_array_equal(plain.labelmap, asked.labelmap)
    np.testing.assert_array_equal(plain.probability, asked.probability)
    assert plain.uncertainty is None


@pytest.mark.parametrize(("noises", "runs"), [(0, 1), (1, 1), (3, 3)])
def test_only_what_is_asked_for_runs(image: Path, noises: int, runs: int, monkeypatch: pytest.MonkeyPatch) -> None:
    model, seeds = segmenter(), []
    predict = model.predict

    def counted(image: Any, seed: int, *rest: Any) -> torch.Tensor:
        seeds.append(seed)
        return predict(image, seed, *rest)

    monkeypatch.setattr(model, "predict", counted)
    result = model.segment(image, noises=noises)
    assert seeds == list(range(runs))
    assert noises != 1 or (result.uncertainty is not None and not result.uncertainty.disagreement)


def test_each_structure_has_its_maps(image: Path) -> None:
    labels = ("liver", "spleen", "stomach")
    model = segmenter(4, labels)
    found = model.segment(image, noises=2).uncertainty
    classes = np.stack([model.segment(image, seed=seed).probability for seed in range(2)])
    assert found is not None and tuple(found.probability) == tuple(found.disagreement) == labels
    for value, name in enumerate(labels, 1):
        np.testing.assert_allclose(found.probability[name], classes[:, value].mean(axis=0), atol=1e-6)
        np.testing.assert_allclose(found.disagreement[name], np.std(np.float64(classes[:, value]), axis=0), atol=1e-6)


def test_what_draws_no_noise_has_a_probability_alone(image: Path) -> None:
    model = Segmenter(tiny_rival("basic_unet"), rival_card("basic_unet"), "0" * 64)
    assert model.card.kind != SDSEG
    result = model.segment(image, noises=NOISES)
    assert result.uncertainty is not None and not result.uncertainty.disagreement
    assert result.uncertainty.seeds == (0,)
    np.testing.assert_array_equal(result.uncertainty.probability["brain"], result.probability[0])


@pytest.mark.parametrize("noises", [-1, 101])
def test_another_number_of_noises_is_refused(image: Path, noises: int) -> None:
    with pytest.raises(InputError, match=rf"1 to 100 noises, not {noises}\."):
        segmenter().segment(image, noises=noises)


def test_the_largest_disagreement_and_the_last_seed() -> None:
    halves = {2**63 - 1: 0.0, 0: 1.0}
    found = over_noises(
        np.zeros((1, 2, 2, 2), np.float32),
        lambda seed: np.full((1, 2, 2, 2), halves[seed], np.float32),
        {"brain": 1},
        2**63 - 1,
        2,
        np.eye(4),
    )
    assert found.seeds == (2**63 - 1, 0)
    assert (found.disagreement["brain"] == 0.5).all() and (found.probability["brain"] == 0.5).all()
