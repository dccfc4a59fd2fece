"""The segmenter takes any slice model, and says truly which one it was."""

from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.dicom_series import SeriesMaker
from helpers.models import tiny_card, tiny_pipeline
from helpers.rivals import rival_card, tiny_rival

from sdseg.dicom.seg_describe import equipment
from sdseg.inference.batches import segment_slices
from sdseg.inference.provenance import FACTS, facts_of, provenance_from, provenance_of
from sdseg.inference.segmenter import Segmenter

LABELS = ("liver", "spleen", "stomach")


@pytest.fixture
def series(tmp_path: Path) -> Path:
    return SeriesMaker(modality="MR", slices=5).save(tmp_path / "mr")


@pytest.mark.parametrize("kind", ["basic_unet", "image_diffusion"])
def test_a_binary_rival_segments_a_series(kind: str, series: Path) -> None:
    options = {"num_inference_steps": 2, "samples": 2} if kind == "image_diffusion" else {}
    segmenter = Segmenter(tiny_rival(kind, **options), rival_card(kind), "0" * 64)
    together, alone = (segmenter.segment(series, seed=3, batch_size=size) for size in (5, 1))
    assert together.labelmap.shape == (24, 20, 5)  # (columns, rows, slices)
    assert np.array_equal(together.labelmap > 0, together.probability[0] > 0.5)
    assert np.abs(together.probability - alone.probability).max() < 1e-3


def test_a_rival_of_several_classes(series: Path) -> None:
    segmenter = Segmenter(tiny_rival("dyn_unet", 4), rival_card("dyn_unet", LABELS), "0" * 64)
    result = segmenter.segment(series)
    assert result.probability.shape == (4, 24, 20, 5)
    assert np.array_equal(result.labelmap, result.probability.argmax(axis=0))
    assert result.labels == {"liver": 1, "spleen": 2, "stomach": 3}


def test_sdseg_is_called_as_before() -> None:
    slices = torch.rand(3, 1, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1
    pipeline = tiny_pipeline()
    expected = pipeline(slices.expand(-1, 3, -1, -1), seed=4)
    torch.testing.assert_close(segment_slices(pipeline, slices, seed=4, batch_size=2), expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("kind", "name", "parameters", "words"),
    [
        ("sdseg", "SDSeg brain-tiny", {"seed": "7", "steps": "1"}, "one-step latent diffusion"),
        ("basic_unet", "BasicUNet brain-rival", {}, "U-Net (MONAI BasicUNet)"),
        (
            "image_diffusion",
            "ImageDiffusion brain-rival",
            {"seed": "7", "steps": "5", "samples": "3"},
            "diffusion in image space (MONAI DiffusionModelUNet)",
        ),
    ],
)
def test_provenance(kind: str, name: str, parameters: dict[str, str], words: str) -> None:
    if kind == "sdseg":
        segmenter = Segmenter(tiny_pipeline(), tiny_card(), "a" * 64)
    else:
        options = {"num_inference_steps": 5, "samples": 3} if kind == "image_diffusion" else {}
        segmenter = Segmenter(tiny_rival(kind, **options), rival_card(kind), "a" * 64)
    provenance = provenance_of(segmenter, seed=7)
    assert provenance.algorithm_name == name
    assert provenance.parameters == {"weights_sha256": "a" * 64, "preset": "tiny", **parameters}
    assert equipment(provenance).ContributionDescription == f"Segmentation by {words}"
    assert tuple(facts_of(segmenter, 7)) == FACTS


def test_facts_from_before_there_were_rivals_are_sdsegs() -> None:
    old = {"model_name": "m", "preset": "tiny", "weights_sha256": "a" * 64, "seed": 2}
    provenance = provenance_from(old)
    assert (provenance.algorithm_name, provenance.seed, provenance.steps) == ("SDSeg m", 2, 1)
    assert provenance.method == "one-step latent diffusion"
