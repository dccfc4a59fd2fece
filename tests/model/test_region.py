"""The region of a model card: what it may say, and that a card without one is as it was."""

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.models import save_tiny_weights, tiny_card, tiny_pipeline

from sdseg.errors import InputError, WeightsError
from sdseg.model.card import CARD_FILE, ModelCard
from sdseg.model.parts import Parts
from sdseg.model.region import Region
from sdseg.model.weights import weights_sha256
from sdseg.volume.window import Window
from sdseg.weights.export import export_weights
from sdseg.weights.importing import Description, import_weights

REGION = Region(-0.9, 0.01, 16)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"body_above": -1.5}, "body_above of a region must be a number from -1 .* not -1.5"),
        ({"body_above": 1}, "not 1"),
        ({"body_above": math.nan}, "not nan"),
        ({"body_above": "air"}, "not 'air'"),
        ({"body_above": True}, "not True"),
        ({"least_body": -0.1}, "least_body of a region must be a share .* not -0.1"),
        ({"least_body": 1.0}, "not 1.0"),
        ({"least_body": None}, "not None"),
        ({"margin": -1}, "margin of a region must be a whole number of pixels from 0, .* not -1"),
        ({"margin": 2.5}, "not 2.5"),
        ({"margin": True}, "not True"),
    ],
)
def test_what_a_region_cannot_say(values: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Region(**{"body_above": -0.9, "least_body": 0.01, "margin": 16, **values})


def test_a_card_keeps_it(tmp_path: Path) -> None:
    card = replace(tiny_card(), region=REGION)
    card.save(tmp_path)
    assert json.loads((tmp_path / CARD_FILE).read_text())["region"] == {
        "body_above": -0.9,
        "least_body": 0.01,
        "margin": 16,
    }
    assert ModelCard.load(tmp_path) == card
    whole = replace(card, region=Region(-0.9, 0.01))
    whole.save(tmp_path)
    assert ModelCard.load(tmp_path) == whole


def test_a_card_without_one_is_written_as_before() -> None:
    assert tiny_card().region is None
    assert list(tiny_card().to_dict()) == ["name", "preset", "labels", "recipe", "training", "kind"]


@pytest.mark.parametrize("region", [{"body_above": -0.9, "least_body": 0.1, "colour": 1}, {"margin": 4}, True, [1]])
def test_a_card_with_another_is_refused(tmp_path: Path, region: Any) -> None:
    (tmp_path / CARD_FILE).write_text(json.dumps({**tiny_card().to_dict(), "region": region}))
    with pytest.raises(WeightsError, match=r"damaged \(a region has body_above, least_body and, if wished, margin"):
        ModelCard.load(tmp_path)


def test_weights_with_another_region_are_other_weights(tmp_path: Path) -> None:
    weights = save_tiny_weights(tmp_path / "weights")
    seen = {weights_sha256(weights)}
    for region in (REGION, replace(REGION, margin=8), replace(REGION, margin=None)):
        replace(ModelCard.load(weights), region=region).save(weights)
        seen.add(weights_sha256(weights))
    assert len(seen) == 4


def test_it_goes_out_and_comes_back_unless_windows_change(tmp_path: Path) -> None:
    weights = save_tiny_weights(tmp_path / "weights")
    replace(ModelCard.load(weights), region=REGION).save(weights)
    export_weights(weights, tmp_path / "out.ckpt")
    assert import_weights(str(tmp_path / "out.ckpt"), tmp_path / "again").region == REGION
    described = Description(windows={"MR": Window("percentile", 1, 99)})
    assert import_weights(str(weights), tmp_path / "other", description=described).region is None


@pytest.mark.parametrize(("side", "corner", "size"), [(32, 16, 64), (32, 16, 128), (128, 16, 256), (64, 32, 96)])
def test_a_part_covers_what_it_is_to_cover(side: int, corner: int, size: int) -> None:
    parts = Parts(side, corner, lambda images, corners, seed: images)
    for start in range(size):
        for stop in range(start + 1, size + 1):
            first, length = parts.cover(start, stop, size)
            assert 0 <= first <= start < stop <= first + length <= size
            assert (first, length) == (0, size) or (first % corner == 0 and length % side == 0)
            assert length < stop - start + side + corner


def test_sizes_follow_from_the_networks() -> None:
    parts = tiny_pipeline().parts
    assert parts is not None and (parts.side, parts.corner) == (32, 16)  # f8, and three levels in the U-Net
    assert tiny_pipeline(conditioning="cross_attention").parts is None


@pytest.mark.parametrize("classes", [None, 5])
def test_each_part_gets_its_part_of_the_noise(classes: int | None) -> None:
    pipeline, corners = tiny_pipeline(classes=classes), [(0, 0), (16, 32), (32, 16)]
    images = torch.rand(3, 3, 32, 32, generator=torch.Generator().manual_seed(1)) * 2 - 1
    together = pipeline.segment_parts(images, corners, seed=3)
    noise = pipeline.draw_noise(3)
    for image, (row, column), found in zip(images, corners, together, strict=True):
        own = noise[..., row // 8 : row // 8 + 4, column // 8 : column // 8 + 4]
        torch.testing.assert_close(found, pipeline(image[None], noise=own)[0], atol=1e-4, rtol=0)
    assert not torch.allclose(together[1], pipeline.segment_parts(images[1:2], [(0, 0)], seed=3)[0], atol=1e-4)
