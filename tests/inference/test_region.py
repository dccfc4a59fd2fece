"""A region: what cannot hold the target is background and costs nothing; the rest is the same whatever is beside it."""

import re
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.models import tiny_card, tiny_pipeline
from helpers.rivals import tiny_rival
from monai.data.meta_tensor import MetaTensor

from sdseg.cli.main import main
from sdseg.engines.engine import ENGINES, get_engine
from sdseg.engines.speed_up import speed_up
from sdseg.errors import EmptySegmentationError
from sdseg.evaluation.dice import volume_dice
from sdseg.evaluation.steps import Stepped
from sdseg.inference import batches
from sdseg.inference.batches import segment_slices
from sdseg.inference.region import Box, boxes_of, segment_region
from sdseg.inference.segmenter import Segmenter
from sdseg.inference.streaming import stream
from sdseg.inference.to_seg import segment_to_seg
from sdseg.model.card import ModelCard
from sdseg.model.pipeline import SDSegPipeline
from sdseg.model.region import Region
from sdseg.volume.labelmap import save_labelmap
from sdseg.volume.window import Window

REGION = Region(-0.9, 0.01, 2)
PLACES = [(5, 9, 20, 18), None, (0, 30, 64, 20), (40, 40, 20, 20), (30, 2, 40, 30), None, (10, 0, 30, 60)]


def bodies() -> torch.Tensor:
    """(7, 1, 64, 64): air with a little noise, and in each slice of `PLACES` a body at (row, column, rows, columns)."""
    generator = torch.Generator().manual_seed(0)
    slices = -1 + 0.05 * torch.rand(len(PLACES), 1, 64, 64, generator=generator)
    for image, place in zip(slices, PLACES, strict=True):
        if place:
            row, column, rows, columns = place
            inside = image[:, row : row + rows, column : column + columns]
            inside.copy_(torch.rand(inside.shape, generator=generator))
    slices[1, 0, 3, 3] = 1  # a speck is no body
    return slices


def watched(pipeline: SDSegPipeline) -> list[tuple[int, ...]]:
    """The shapes of all batches that reach the vision encoder from now on."""
    seen: list[tuple[int, ...]] = []
    pipeline.vision_encoder.register_forward_pre_hook(lambda module, given: seen.append(tuple(given[0].shape)))
    return seen


def outside(box: Box | None) -> torch.Tensor:
    """(64, 64) bool."""
    mask = torch.ones(64, 64, dtype=torch.bool)
    if box:
        mask[box.row : box.row + box.rows, box.column : box.column + box.columns] = False
    return mask


def test_without_one_nothing_of_it_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "segment_region", lambda *given: pytest.fail("a region was looked for"))
    pipeline = tiny_pipeline()
    image = MetaTensor(bodies().permute(1, 2, 3, 0))
    found = Segmenter(pipeline, tiny_card(), "0" * 64).predict(image, seed=2, batch_size=4)
    parts = [pipeline(part.expand(-1, 3, -1, -1), seed=2) for part in bodies().split(4)]
    assert torch.equal(found, torch.cat(parts).permute(1, 2, 3, 0))


@pytest.mark.parametrize("classes", [None, 4])
def test_what_is_left_out_is_background(classes: int | None) -> None:
    pipeline, slices = tiny_pipeline(classes=classes), bodies()
    seen = watched(pipeline)
    found = segment_slices(pipeline, slices, 1, batch_size=8, region=REGION)
    assert found.shape == (7, classes or 1, 64, 64)
    boxes = boxes_of(slices, REGION, pipeline.parts)
    assert [box is None for box in boxes] == [place is None for place in PLACES]
    assert sum(shape[0] for shape in seen) == 5
    assert sum(np.prod([shape[0], *shape[2:]]) for shape in seen) == sum(box.pixels for box in boxes if box)
    assert any(box and box.pixels < 64 * 64 for box in boxes)
    for box, probability in zip(boxes, found, strict=True):
        left = probability[:, outside(box)]
        assert (left[0] == (0 if classes is None else 1)).all() and (left[1:] == 0).all()
        assert box is None or 0 < float(probability[0][~outside(box)].mean()) < 1


def test_boxes_hold_the_body_and_its_margin() -> None:
    boxes = boxes_of(bodies(), REGION, tiny_pipeline().parts)
    for box, place in zip(boxes, PLACES, strict=True):
        if box and place:
            row, column, rows, columns = place
            assert box.row <= max(0, row - 2) and box.row + box.rows >= min(64, row + rows + 2)
            assert box.column <= max(0, column - 2) and box.column + box.columns >= min(64, column + columns + 2)


def test_computed_whole_a_slice_is_as_it_was() -> None:
    pipeline, slices = tiny_pipeline(), bodies()
    held = [number for number, place in enumerate(PLACES) if place]
    found = segment_slices(pipeline, slices, region=replace(REGION, margin=None))
    assert torch.equal(found[held], segment_slices(pipeline, slices[held]))
    assert not found[[1, 5]].any()


def test_nothing_to_compute() -> None:
    pipeline = tiny_pipeline()
    seen, steps = watched(pipeline), []
    found = segment_slices(pipeline, bodies()[[1, 5]], 0, 1, lambda *done: steps.append(done), Region(-0.9, 0.01))
    assert not found.any() and seen == [] and steps == [(1, 2), (2, 2)]
    assert not segment_region(pipeline, torch.full((1, 3, 64, 64), -1.0), Region(-0.9, 0)).any()


@pytest.mark.parametrize("classes", [None, 3])
def test_batch_size_and_order_do_not_matter(classes: int | None) -> None:
    pipeline, slices = tiny_pipeline(classes=classes), bodies()
    first = segment_slices(pipeline, slices, 0, 1, region=REGION)
    for size in (2, 3, 8):
        torch.testing.assert_close(segment_slices(pipeline, slices, 0, size, region=REGION), first, atol=1e-4, rtol=0)
    turned = segment_slices(pipeline, slices.flip(0), 0, 4, region=REGION).flip(0)
    torch.testing.assert_close(turned, first, atol=1e-4, rtol=0)


@pytest.mark.parametrize("labels", [("brain",), ("liver", "spleen")])
def test_streamed_it_is_the_same_to_the_last_bit(tmp_path: Path, labels: tuple[str, ...]) -> None:
    values = ((bodies()[:, 0].permute(2, 1, 0) + 1) * 100).numpy().astype(np.uint8)
    path = save_labelmap(values, np.diag([-1.0, -1.0, 2.0, 1.0]), tmp_path / "volume.nii.gz")
    card = replace(tiny_card(labels, CT=Window("range", 0, 200)), region=REGION)
    pipeline = tiny_pipeline(classes=len(labels) + 1 if len(labels) > 1 else None)
    segmenter, seen = Segmenter(pipeline, card, "0" * 64), watched(pipeline)
    whole = segmenter.segment(path, batch_size=3)
    assert sum(shape[0] for shape in seen) == 5 and min(shape[-1] for shape in seen) == 32
    streamed = stream(segmenter, path, batch_size=3)
    np.testing.assert_array_equal(streamed.labelmap, whole.labelmap)
    assert 0 < (whole.labelmap > 0).mean() < 1
    assert (streamed.left_out, streamed.model_slices) == (whole.left_out, whole.model_slices) == (2, 7)


def test_a_region_that_leaves_everything_out_is_told(
    tmp_path: Path, sample_data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Else a card that is too strict would look like a healthy head: in the file, the SEG and the command."""
    weights = tmp_path / "weights"
    shutil.copytree(sample_data / "weights" / "brain-small", weights)
    strict = replace(ModelCard.load(weights), region=Region(0.99, 0.9))
    strict.save(weights)
    told = "The model found no brain (the region in the model's card left out 64 of 64 slices)"
    with pytest.raises(EmptySegmentationError, match=re.escape(told)):
        segment_to_seg(Segmenter.load(weights), sample_data / "dicom", tmp_path / "brain.dcm")
    command = ["sdseg", "segment", str(sample_data / "dicom"), "--weights", str(weights), "-o"]
    for name, code in (("brain.dcm", 3), ("brain.nii.gz", 0)):
        monkeypatch.setattr(sys, "argv", [*command, str(tmp_path / name)])
        with pytest.raises(SystemExit) as ended:
            main()
        assert (ended.value.code or 0) == code
        assert told in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize("kind", ["basic_unet", "flexible_unet", "swin_unetr", "unetr", "dyn_unet", "image_diffusion"])
def test_rivals(kind: str) -> None:
    """Those that are made for one size, or draw their noise in it, leave out slices only."""
    rival, slices = tiny_rival(kind), bodies()
    assert (rival.parts is not None) == (kind in ("basic_unet", "flexible_unet", "swin_unetr"))
    found = segment_slices(rival, slices, region=REGION)
    assert not found[[1, 5]].any()
    boxes = boxes_of(slices, REGION, rival.parts)
    assert {box.pixels for box in boxes if box} <= {64 * 64, 32 * 64, 32 * 32}
    if rival.parts is None:
        assert torch.equal(found[[0, 2, 3, 4, 6]], segment_slices(rival, slices[[0, 2, 3, 4, 6]]))


def test_engines() -> None:
    """PyTorch's networks take parts; those that are made for one size get whole slices."""
    slices = bodies()
    expected = segment_slices(tiny_pipeline(), slices, region=REGION)
    fast = speed_up(tiny_pipeline(), get_engine("torch-fp32", "cpu"))
    assert fast.parts is not None
    torch.testing.assert_close(segment_slices(fast, slices, region=REGION), expected, atol=1e-3, rtol=0)
    crossed = speed_up(tiny_pipeline(conditioning="cross_attention"), get_engine("torch-fp32", "cpu"))
    assert crossed.parts is None


@pytest.mark.skipif(not ENGINES["openvino-fp32"].is_installed, reason="OpenVINO is not installed")
def test_an_engine_of_one_size_leaves_out_slices_only() -> None:
    held, fast = [0, 2, 3, 4, 6], speed_up(tiny_pipeline(), get_engine("openvino-fp32", "cpu"))
    assert fast.parts is None
    found = segment_slices(fast, bodies(), region=REGION)
    assert not found[[1, 5]].any()
    expected = segment_slices(tiny_pipeline(), bodies()[held])
    torch.testing.assert_close(found[held], expected, atol=1e-3, rtol=0)


def test_another_number_of_steps_is_made_of_whole_slices() -> None:
    model = Stepped(tiny_pipeline(), 2)
    found = segment_slices(model, bodies()[:2], region=REGION)
    assert torch.equal(found[:1], segment_slices(model, bodies()[:1])) and not found[1].any()


def test_agreement_on_the_sample(sample_data: Path) -> None:
    """The margin of docs/region.md: with less the model, which sees a slice as a whole, agrees less."""
    whole = Segmenter.load(sample_data / "weights" / "brain-small")
    seen = watched(whole.pipeline)
    reduced = Segmenter(whole.pipeline, replace(whole.card, region=Region(-0.9, 0.01, 16)), whole.weights_sha256)
    found = stream(reduced, sample_data / "dicom")
    assert {shape[2:] for shape in seen} > {(128, 128)}  # some slices were computed in part
    dice = volume_dice(found.labelmap, stream(whole, sample_data / "dicom").labelmap, 1)
    assert dice is not None and dice >= 0.99
