"""The labelmap made a few slices at a time is the one made of the whole volume, to the last bit."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers.dicom_pictures import PictureMaker
from helpers.dicom_series import SeriesMaker, orientations
from helpers.models import tiny_card, tiny_pipeline
from monai.transforms.utils_pytorch_numpy_unification import percentile
from numpy.typing import NDArray

from sdseg.errors import GeometryError, InputError
from sdseg.inference import streaming
from sdseg.inference.segmenter import Segmenter
from sdseg.inference.streaming import stream
from sdseg.volume import image_source
from sdseg.volume.labelmap import save_labelmap
from sdseg.volume.percentiles import percentiles
from sdseg.volume.window import Window

THREE = ("liver", "spleen", "stomach")
CT, MR = {"CT": Window("range", -500, 800)}, {"MR": Window("percentile", 0.5, 99.5)}


class Recording(Segmenter):
    """Keeps every probability it cuts: a mask may be right where they differ."""

    def __init__(self, labels: tuple[str, ...] = ("liver",), stretched: bool = False, **windows: Window) -> None:
        card = tiny_card(labels, **windows)
        card = replace(card, recipe=replace(card.recipe, keep_proportions=not stretched))
        super().__init__(tiny_pipeline(classes=len(labels) + 1 if len(labels) > 1 else None), card, "0" * 64)
        self.cut: list[NDArray[np.float32]] = []

    def to_labelmap(self, probability: torch.Tensor) -> NDArray[np.uint8]:
        self.cut.append(probability.numpy().copy())
        return super().to_labelmap(probability)


def assert_same(segmenter: Recording, source: Path, axis: int = 2, flipped: bool = False, **asked: Any) -> None:
    whole = segmenter.segment(source, **asked)
    expected, segmenter.cut = segmenter.cut[0], []
    found = stream(segmenter, source, **asked)
    parts = segmenter.cut[::-1] if flipped else segmenter.cut
    assert len(parts) > 1
    np.testing.assert_array_equal(np.concatenate(parts, axis=axis + 1), expected)
    np.testing.assert_array_equal(found.labelmap, whole.labelmap)
    np.testing.assert_array_equal(found.compact.plane(3), whole.labelmap[..., 3].T)
    np.testing.assert_allclose(found.affine, whole.affine, atol=1e-9)
    assert found.labels == whole.labels and found.corrections == whole.corrections
    assert found.count(1) == whole.count(1) and found.is_empty == whole.is_empty
    assert 0 < (whole.labelmap > 0).mean() < 1  # else it would be the same whatever was done


TURNED = [0, 0, 1, 0, 1, 0]  # rows run to the head: the model's slices are the columns
CASES = [
    # orientation, the axis of the model's slices, windows, labels, (rows, columns, slices), batch size
    (orientations()["axial++"], 2, CT, ("liver",), (33, 61, 7), 3),
    (orientations()["axial+-"], 2, MR, ("liver",), (64, 64, 9), 4),
    (orientations()["axial++-oblique"], 2, MR, THREE, (70, 101, 5), 2),
    (orientations()["sagittal++"], 1, CT, ("liver",), (11, 30, 18), 8),
    (orientations()["coronal-+-oblique"], 1, MR, THREE, (9, 24, 17), 5),
    (TURNED, 0, MR, ("liver",), (20, 13, 19), 7),
]


@pytest.mark.parametrize(("orientation", "axis", "windows", "labels", "size", "batch"), CASES)
def test_parts_of_a_series_are_those_of_the_whole(
    tmp_path: Path,
    orientation: list[float],
    axis: int,
    windows: dict[str, Window],
    labels: tuple[str, ...],
    size: tuple[int, int, int],
    batch: int,
) -> None:
    rows, columns, slices = size
    maker = SeriesMaker(slices, rows, columns, orientation, modality=next(iter(windows)))
    series = maker.save(tmp_path / "series")
    _, found, flipped = image_source.open_source(series, None, "LPS")
    assert found == axis
    segmenter = Recording(labels, stretched=batch == 7, **windows)
    assert_same(segmenter, series, axis, flipped, seed=batch, batch_size=batch)


def test_a_series_too_large_to_hold_is_decoded_as_it_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_source, "HELD", 0)
    series = SeriesMaker(slices=6, modality="MR").save(tmp_path / "series")
    assert_same(Recording(**MR), series, batch_size=4)


def test_files_that_change_meanwhile_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_source, "HELD", 0)
    series = SeriesMaker(slices=6).save(tmp_path / "series")

    def touch(done: int, total: int) -> None:
        (series / "IM_5.dcm").write_bytes((series / "IM_5.dcm").read_bytes() + b"\0\0")

    with pytest.raises(InputError, match="changed or removed while it was used"):
        stream(Recording(**CT), series, batch_size=2, progress=touch)


def test_pictures_have_a_window_each(tmp_path: Path) -> None:
    pictures = PictureMaker(slices=5).save(tmp_path / "pictures")
    assert_same(Recording(XC=Window("percentile", 1, 99), ES=Window("percentile", 1, 99)), pictures, batch_size=2)


@pytest.mark.parametrize("suffix", [".nii.gz", ".nrrd"])
def test_other_volumes(tmp_path: Path, suffix: str) -> None:
    values = np.random.default_rng(0).integers(0, 200, (24, 20, 7)).astype(np.uint8)
    path = save_labelmap(values, np.diag([-0.7, -0.9, 2.5, 1.0]), tmp_path / f"volume{suffix}")
    assert_same(Recording(**MR), path, modality="MR", batch_size=3)


def test_gate_and_modality_are_asked_before_the_model(tmp_path: Path) -> None:
    series = SeriesMaker(slices=7).save(tmp_path / "series")
    fail = {"progress": lambda done, total: pytest.fail("the model ran")}
    with pytest.raises(InputError, match="modality is CT, but this model was trained on MR"):
        stream(Recording(**MR), series, **fail)
    (series / "IM_4.dcm").unlink()
    with pytest.raises(GeometryError, match="missing"):
        stream(Recording(**CT), series, **fail)


def test_progress_and_stages(tmp_path: Path) -> None:
    series, seen, stages = SeriesMaker(slices=7).save(tmp_path / "series"), [], []
    stream(Recording(**CT), series, batch_size=3, progress=lambda *at: seen.append(at), enter=stages.append)
    assert seen == [(3, 7), (6, 7), (7, 7)] and stages == ["load", "model"]


@pytest.mark.parametrize("kind", ["whole", "fractions", "one value"])
@pytest.mark.parametrize("side", [90, 420])  # below and above the count from which MONAI asks numpy
def test_percentiles_to_the_last_bit(kind: str, side: int) -> None:
    random = np.random.default_rng(1)
    drawn = {
        "whole": lambda size: random.integers(-1024, 3000, size),
        "fractions": lambda size: random.integers(-50, 500, size) * 0.37,
        "one value": lambda size: np.full(size, 4.0),
    }
    volume = drawn[kind]((6, side, side)).astype(np.float32)
    wanted = (0.0, 0.5, 33.3, 99.5, 100.0)
    found = percentiles(lambda: iter(volume), volume.size, wanted)
    expected = [torch.as_tensor(percentile(torch.from_numpy(volume)[None], each)) for each in wanted]
    assert [each.numpy().tobytes() for each in found] == [each.numpy().tobytes() for each in expected]
    assert {each.dtype for each in found} == {torch.float32}


def test_stages_are_those_of_the_whole(tmp_path: Path) -> None:
    series = SeriesMaker(slices=3).save(tmp_path / "series")
    segmenter = Recording(**CT)
    assert set(stream(segmenter, series).seconds) == set(segmenter.segment(series).seconds)
    assert streaming.MODEL in stream(segmenter, series).seconds
