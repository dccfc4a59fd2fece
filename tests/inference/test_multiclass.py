"""Several classes: one pass each, the encoder once, the likeliest wins."""

from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.dicom_series import SeriesMaker
from helpers.models import tiny_card, tiny_pipeline
from PIL import Image

from sdseg.errors import WeightsError
from sdseg.inference.output import OutputFile
from sdseg.inference.segmenter import Segmenter
from sdseg.model.multiclass import class_maps, pair_with_classes
from sdseg.model.schedule import draw_noise
from sdseg.volume.window import Window

LABELS = ("liver", "spleen", "stomach")


@pytest.fixture(scope="module")
def segmenter() -> Segmenter:
    windows = {"MR": Window("percentile", 0, 100), "XC": Window("range", 0, 255)}
    return Segmenter(tiny_pipeline(classes=4), tiny_card(LABELS, **windows), "0" * 64)


def images(count: int) -> torch.Tensor:
    return torch.rand(count, 3, 64, 64, generator=torch.Generator().manual_seed(1)) * 2 - 1


def test_slices_and_classes_are_paired_slice_first() -> None:
    latent, ids = pair_with_classes(torch.tensor([1.0, 2.0]).view(2, 1, 1, 1), 3)
    assert latent.flatten().tolist() == [1, 1, 1, 2, 2, 2]
    assert ids.tolist() == [0, 1, 2, 0, 1, 2]


def test_the_background_map_is_negated() -> None:
    maps = class_maps(torch.arange(6.0).view(6, 1, 1, 1), 3)
    assert maps.flatten(1).tolist() == [[0, 1, 2], [-3, 4, 5]]


def test_batched_passes_are_the_looped_ones(segmenter: Segmenter) -> None:
    pipeline, noise = segmenter.pipeline, draw_noise(3, 4, 8)
    with torch.inference_mode():
        latent = pipeline.vision_encoder(images(5))
        looped = []
        for number in range(4):
            ids = torch.full((5,), number)
            decoded = pipeline.decode_mask_latent(pipeline.estimate_mask_latent(latent, noise, ids))
            looped.append(decoded.mean(dim=1) * (-1 if number == 0 else 1))
        together = pipeline.compare_classes(latent, noise, 4)
    torch.testing.assert_close(together, torch.stack(looped, dim=1), atol=1e-4, rtol=0)


def test_the_encoder_runs_once(segmenter: Segmenter) -> None:
    calls: list[int] = []
    hook = segmenter.pipeline.vision_encoder.register_forward_hook(lambda _, inputs, __: calls.append(len(inputs[0])))
    probability = segmenter.pipeline(images(3))
    hook.remove()
    assert calls == [3]
    assert probability.shape == (3, 4, 64, 64)
    torch.testing.assert_close(probability.sum(dim=1), torch.ones(3, 64, 64))


def test_labelmap_holds_the_likeliest_class(segmenter: Segmenter, tmp_path: Path) -> None:
    series = SeriesMaker(modality="MR", slices=7).save(tmp_path / "mr")
    result = segmenter.segment(series, batch_size=3)
    assert result.probability.shape == (4, 24, 20, 7)
    assert result.labelmap.dtype == np.uint8
    assert np.array_equal(result.labelmap, result.probability.argmax(axis=0))
    assert result.labels == {"liver": 1, "spleen": 2, "stomach": 3}
    assert len(np.unique(result.labelmap)) > 1


def test_a_picture_keeps_its_classes(segmenter: Segmenter, tmp_path: Path) -> None:
    picture = tmp_path / "a.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (40, 50, 3), np.uint8)).save(picture)
    result = segmenter.segment(picture, modality="XC")
    OutputFile(picture, tmp_path / "mask.png").write(result, segmenter, seed=0)
    assert np.array_equal(np.asarray(Image.open(tmp_path / "mask.png")), result.labelmap[:, :, 0].T)


@pytest.mark.parametrize(("classes", "labels"), [(None, LABELS), (4, ("liver",)), (3, LABELS), (5, LABELS)])
def test_labels_that_do_not_match_the_classes(classes: int | None, labels: tuple[str, ...]) -> None:
    with pytest.raises(WeightsError, match=f"{len(labels)} label"):
        Segmenter(tiny_pipeline(classes=classes), tiny_card(labels), "0" * 64)
