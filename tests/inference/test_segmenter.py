"""From image to labelmap on its own grid, whatever the batch size."""

from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.dicom_series import SeriesMaker
from helpers.models import save_tiny_weights, tiny_card, tiny_pipeline

from sdseg.errors import GeometryError, InputError
from sdseg.inference.segmenter import Segmenter
from sdseg.model.card import ModelCard
from sdseg.volume.recipe import Recipe


@pytest.fixture(scope="module")
def segmenter() -> Segmenter:
    return Segmenter(tiny_pipeline(), tiny_card(), "0" * 64)


@pytest.fixture
def series(tmp_path: Path) -> Path:
    return SeriesMaker(modality="MR", slices=7).save(tmp_path / "mr")


def test_labelmap_is_on_the_source_grid(segmenter: Segmenter, series: Path) -> None:
    result = segmenter.segment(series)
    assert result.labelmap.shape == (24, 20, 7)  # (columns, rows, slices)
    assert result.labelmap.dtype == np.uint8
    assert set(np.unique(result.labelmap)) <= {0, 1}
    assert np.array_equal(result.labelmap > 0, result.probability[0] > 0.5)
    assert set(result.seconds) == {"load and preprocess", "model", "back to the source grid"}


def test_batch_size_does_not_change_the_mask(segmenter: Segmenter, series: Path) -> None:
    results = [segmenter.segment(series, batch_size=size) for size in (1, 3, 7)]
    for result in results[1:]:
        assert np.abs(result.probability - results[0].probability).max() < 1e-3


def test_seed_changes_the_probability(segmenter: Segmenter, series: Path) -> None:
    first, again, other = (segmenter.segment(series, seed=seed).probability for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_progress_counts_slices(segmenter: Segmenter, series: Path) -> None:
    seen: list[tuple[int, int]] = []
    segmenter.segment(series, batch_size=3, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(3, 7), (6, 7), (7, 7)]


def test_progress_may_stop_the_work(segmenter: Segmenter, series: Path) -> None:
    class Stopped(Exception):
        pass

    def stop(done: int, total: int) -> None:
        raise Stopped

    with pytest.raises(Stopped):
        segmenter.segment(series, progress=stop)


def test_nothing_found_is_known(series: Path) -> None:
    segmenter = Segmenter(_constant(-1.0), tiny_card(), "0" * 64)
    assert segmenter.segment(series).is_empty
    segmenter = Segmenter(_constant(1.0), tiny_card(), "0" * 64)
    assert segmenter.segment(series).labelmap.all()


def _constant(value: float):  # type: ignore[no-untyped-def]
    """A pipeline whose decoder paints every voxel the same."""
    pipeline = tiny_pipeline()
    with torch.no_grad():
        pipeline.vae.decoder.conv_out.weight.zero_()
        pipeline.vae.decoder.conv_out.bias.fill_(value)
    return pipeline


def test_unsafe_geometry_never_reaches_the_model(segmenter: Segmenter, series: Path) -> None:
    sorted(series.rglob("*.dcm"))[3].unlink()
    with pytest.raises(GeometryError):
        segmenter.segment(series, progress=lambda done, total: pytest.fail("the model ran"))


def test_missing_image(segmenter: Segmenter, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no image at"):
        segmenter.segment(tmp_path / "nothing.nii.gz")


def test_not_an_image(segmenter: Segmenter, tmp_path: Path) -> None:
    (tmp_path / "a.nii.gz").write_text("hello")
    with pytest.raises(InputError, match=r"a\.nii\.gz cannot be read"):
        segmenter.segment(tmp_path / "a.nii.gz")


def test_recipe_and_weights_must_agree() -> None:
    card = ModelCard("x", "tiny", {"brain": 1}, Recipe(image_size=128))
    with pytest.raises(InputError, match="64 pixels"):
        Segmenter(tiny_pipeline(), card, "0" * 64)


def test_loading_knows_the_identity(tmp_path: Path) -> None:
    first, second = (Segmenter.load(save_tiny_weights(tmp_path / str(seed), seed)) for seed in (0, 1))
    assert first.weights_sha256 != second.weights_sha256
    assert first.card.labels == {"brain": 1}
