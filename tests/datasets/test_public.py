"""The paper's five data sets from tiny copies of their layouts: counts, splits, and what training gets to see."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from helpers import data_sets
from monai.transforms import Compose

from sdseg.datasets import Dataset, open_dataset
from sdseg.datasets.split import committed
from sdseg.dicom.codes import structure
from sdseg.errors import InputError, UnknownNameError
from sdseg.volume.label import load_labelmap_of
from sdseg.volume.recipe import Recipe

KVASIR = sorted(committed("kvasir-seg.csv"))


def kvasir_seg(root: Path) -> Path:
    return data_sets.kvasir_seg(root, KVASIR)


MAKERS: dict[str, Callable[[Path], Path]] = {
    "cvc-clinicdb": data_sets.cvc_clinicdb,
    "kvasir-seg": kvasir_seg,
    "refuge2-cup": data_sets.refuge2_cup,
    "btcv": data_sets.btcv,
    "sts-3d": data_sets.sts_3d,
}
COUNTS = {
    "cvc-clinicdb": (488, 62, 62),
    "kvasir-seg": (800, 100, 100),
    "refuge2-cup": (720, 80, 400),
    "btcv": (15, 3, 12),
    "sts-3d": (8, 1, 3),
}
VALUES = {"btcv": {5, 6, 13}}


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Dataset]:
    return {name: open_dataset(name, make(tmp_path_factory.mktemp(name))) for name, make in MAKERS.items()}


def count(dataset: Dataset) -> tuple[int, ...]:
    return tuple(
        len(dataset.examples(split)) if split in dataset.splits else 0 for split in ("train", "validation", "test")
    )


@pytest.mark.parametrize("name", MAKERS)
def test_every_image_is_in_its_split_in_the_order_of_ids(name: str, opened: dict[str, Dataset]) -> None:
    dataset = opened[name]
    assert count(dataset) == COUNTS[name]
    ids = [[example.id for example in dataset.examples(split)] for split in dataset.splits]
    assert all(found == sorted(found) for found in ids)
    assert len({i for found in ids for i in found}) == sum(COUNTS[name])
    again = open_dataset(name, dataset.root)
    assert all(again.examples(split) == dataset.examples(split) for split in dataset.splits)


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("split", ["train", "test"])
def test_training_loads_an_example(name: str, split: str, opened: dict[str, Dataset]) -> None:
    dataset = opened[name]
    example = dataset.examples(split)[-1]
    recipe = Recipe(image_size=16, windows=dataset.recipe_windows)
    data = Compose(recipe.training_transforms(example))({"image": example.image})
    assert data["image"].shape[1:3] == data["label"].shape[1:3] == (16, 16)
    assert float(data["image"].min()) >= -1 and float(data["image"].max()) <= 1
    assert set(data["label"].unique().tolist()) - {0} == VALUES.get(name, {1})
    assert set(data["label"].unique().tolist()) - {0} <= set(dataset.labels.values())


@pytest.mark.parametrize("name", MAKERS)
def test_the_label_lies_where_the_mask_has_it(name: str, opened: dict[str, Dataset]) -> None:
    labelmap = load_labelmap_of(opened[name].examples("test")[0])
    np.testing.assert_array_equal(labelmap[..., 0] > 0, data_sets.labelled() > 0)
    assert labelmap.shape == (data_sets.COLUMNS, data_sets.ROWS, data_sets.SLICES if name in ("btcv", "sts-3d") else 1)


@pytest.mark.parametrize("name", MAKERS)
def test_no_group_straddles_unless_it_is_said(name: str, opened: dict[str, Dataset]) -> None:
    dataset = opened[name]
    groups = [{example.group for example in dataset.examples(split)} for split in dataset.splits]
    shared = groups[0] & groups[1] | groups[0] & groups[2] | groups[1] & groups[2]
    assert bool(shared) == (name == "cvc-clinicdb") == any("too good" in note for note in dataset.notes)


def test_windows_and_labels_are_the_papers(opened: dict[str, Dataset]) -> None:
    assert (opened["btcv"].recipe_windows["CT"].low, opened["btcv"].recipe_windows["CT"].high) == (-125, 275)
    assert (opened["sts-3d"].recipe_windows["CT"].low, opened["sts-3d"].recipe_windows["CT"].high) == (-100, 1100)
    assert list(opened["btcv"].labels)[5] == "liver" and opened["btcv"].labels["left adrenal gland"] == 13
    named = [*opened["btcv"].labels, *opened["sts-3d"].labels, *opened["kvasir-seg"].labels]
    assert [structure(name).name for name in named] == named


def test_refuge_tests_on_what_starts_with_t(opened: dict[str, Dataset]) -> None:
    dataset = opened["refuge2-cup"]
    assert {example.id[0] for example in dataset.examples("test")} == {"T"}
    assert {example.id[0] for example in dataset.examples("train")} == {"g", "n", "V"}


@pytest.mark.parametrize("name", ["kvasir-seg", "refuge2-cup", "btcv", "sts-3d"])
def test_validation_may_be_trained_on(name: str, opened: dict[str, Dataset]) -> None:
    dataset = open_dataset(name, opened[name].root, validation="none")
    train, validation, test = COUNTS[name]
    assert count(dataset) == (train + validation, 0, test) and dataset.splits == ("train", "test")
    with pytest.raises(InputError, match="holds no validation images, only train and test"):
        dataset.examples("validation")


def test_unknown_splits_and_description(opened: dict[str, Dataset]) -> None:
    with pytest.raises(UnknownNameError, match="no split 'val': choose one of train, validation, test"):
        opened["btcv"].examples("val")
    text = opened["cvc-clinicdb"].describe()
    assert "train: 488 images of 29 groups" in text and "polyp = 1" in text and "29 groups lie in more than one" in text


@pytest.mark.parametrize(
    ("classes", "labels", "values"),
    [
        ("8", 8, {0, 5}),
        (13, 13, {0, 5, 6, 13}),
        ("union", 1, {0, 1}),
        ("union-8", 1, {0, 1}),
    ],
)
def test_btcv_in_other_classes(classes: str | int, labels: int, values: set, opened: dict[str, Dataset]) -> None:
    """The copy holds 5, 6 and 13; of these only 6, the liver, is among the eight, as their fifth."""
    dataset = open_dataset("btcv", opened["btcv"].root, classes=classes)
    labelmap = load_labelmap_of(dataset.examples("test")[0])
    assert len(dataset.labels) == labels and set(np.unique(labelmap).tolist()) == values
    kept = {5: classes != "union-8" and classes != "8", 6: True, 13: classes != "union-8" and classes != "8"}
    assert [bool(labelmap[..., k].any()) for k in range(3)] == list(kept.values())
    if classes == "8":
        assert dataset.labels["liver"] == 5


def test_btcv_does_not_know_other_classes(opened: dict[str, Dataset]) -> None:
    with pytest.raises(InputError, match="classes is 13, 8, union or union-8, not '9'"):
        open_dataset("btcv", opened["btcv"].root, classes="9")


@pytest.mark.parametrize(
    ("images", "labels"), [("imagesTr", "labelsTr"), ("RawData/Training/img", "RawData/Training/label")]
)
def test_btcv_in_other_folders(images: str, labels: str, tmp_path: Path) -> None:
    assert count(open_dataset("btcv", data_sets.btcv(tmp_path, images, labels))) == COUNTS["btcv"]


@pytest.mark.parametrize(
    ("place", "masks", "suffix"),
    [(".", "GroundTruth", ".png"), ("TIF", "Ground_Truth", ".tif"), ("TIFF", "Ground Truth", ".tiff")],
)
def test_cvc_in_other_folders_by_video(place: str, masks: str, suffix: str, tmp_path: Path) -> None:
    dataset = open_dataset("cvc-clinicdb", data_sets.cvc_clinicdb(tmp_path, place, masks, suffix), split="by-video")
    assert count(dataset) == (490, 61, 61) and not dataset.notes
    np.testing.assert_array_equal(load_labelmap_of(dataset.examples("test")[0])[..., 0], data_sets.labelled())
    with pytest.raises(InputError, match="split is 'paper' or 'by-video', not 'random'"):
        open_dataset("cvc-clinicdb", tmp_path, split="random")


def test_a_part_that_is_not_there_is_left_out(tmp_path: Path) -> None:
    """As where the test images are kept apart."""
    table = committed("kvasir-seg.csv")
    data_sets.kvasir_seg(tmp_path, [name for name in KVASIR if table[name].split != "test"])
    dataset = open_dataset("kvasir-seg", tmp_path)
    assert count(dataset) == (800, 100, 0) and dataset.notes == ["none of the 100 test images is here."]
    with pytest.raises(InputError, match="holds no test images, only train and validation"):
        dataset.examples("test")
