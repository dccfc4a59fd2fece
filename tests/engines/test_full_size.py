"""Networks as large as the paper's: what engines and lite parts change of their masks (`make bench`).

The trained function is brain-small's, in networks of full size (helpers/widening.py). What has no trained weights at
that size, the preset's own U-Net and the lite parts made for it, is compared by its numbers.
"""

from pathlib import Path

import pytest
import torch
from engines.brain import HERE, SAMPLE, WEIGHTS, load
from helpers.widening import widened

from sdseg.engines.choice_probe import dice_of
from sdseg.engines.engine import ENGINES
from sdseg.engines.speed import PARTS
from sdseg.engines.speed_up import speed_up
from sdseg.evaluation.score import score_image
from sdseg.inference.segmenter import Segmenter
from sdseg.model.card import ModelCard
from sdseg.model.lite import new_lite, with_lite, with_parts
from sdseg.model.pipeline import SDSegPipeline, build_pipeline
from sdseg.model.presets import get_preset

pytestmark = pytest.mark.long

MOST_LOST = 0.005  # of the Dice against the reference
LEAST_WITH_BF16_UNET = 0.995  # not one of the exact engines: errors of the U-Net are amplified


@pytest.fixture(scope="module")
def expected(slices: torch.Tensor) -> torch.Tensor:
    """Probabilities of the plain networks of full size; they are those of brain-small."""
    found, small = widened(load())(slices[::5]), load()(slices[::5])
    assert (found - small).abs().max() < 2e-3 and (small > 0.5).float().mean() > 0.1
    return found


@pytest.mark.parametrize("name", HERE)
def test_engines_keep_the_masks(
    name: str, slices: torch.Tensor, expected: torch.Tensor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SDSEG_CACHE", str(tmp_path))
    engine = ENGINES[name]
    least = 0.999 if engine.exact else 0.995 if engine.calibrated else LEAST_WITH_BF16_UNET
    fast = speed_up(widened(load()), engine, slices[1::5] if engine.calibrated else None)
    found = dice_of(fast(slices[::5]), expected)
    print(f"{name}: Dice {found:.4f} with the plain networks")
    assert found >= least


def dice(pipeline: SDSegPipeline) -> float:
    """Of the sample's brain, against its reference."""
    segmenter = Segmenter(pipeline, ModelCard.load(WEIGHTS), "0" * 64)
    scores = score_image(segmenter, SAMPLE / "dicom", SAMPLE / "reference" / "S1_brain.nii.gz")
    assert scores["brain"] is not None
    return scores["brain"]


def test_lite_parts_lose_half_a_point_at_most() -> None:
    full = dice(widened(load()))
    print(f"full: Dice {full:.4f}")
    assert full > 0.94
    for parts in (("decoder",), ("decoder", "encoder"), PARTS):
        found = dice(with_lite(widened(load()), WEIGHTS, **dict.fromkeys(parts, "lite")))
        print(f"lite {', '.join(parts)}: Dice {found:.4f}")
        assert found >= full - MOST_LOST, parts


def of_the_paper(parts: tuple[str, ...]) -> SDSegPipeline:
    """The preset sd, some of its parts lite, with random weights."""
    torch.manual_seed(0)
    pipeline = build_pipeline(get_preset("sd"))
    pipeline = with_parts(pipeline, {part: new_lite(part, pipeline) for part in parts})
    for part in (pipeline.vae, pipeline.vision_encoder, pipeline.unet):
        part.eval().requires_grad_(False)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


@pytest.mark.parametrize("name", [name for name in HERE if ENGINES[name].exact])
@pytest.mark.parametrize("parts", [(), ("decoder", "encoder"), PARTS], ids=["full", "lite", "all-lite"])
def test_engines_keep_the_numbers(name: str, parts: tuple[str, ...]) -> None:
    batch = torch.rand(2, 3, 256, 256, generator=torch.Generator().manual_seed(0)) * 2 - 1
    expected = of_the_paper(parts)(batch)
    difference = (speed_up(of_the_paper(parts), ENGINES[name])(batch) - expected).abs()
    assert difference.mean() < (5e-3 if "bf16" in name else 1e-4)
