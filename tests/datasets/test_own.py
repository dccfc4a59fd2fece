"""Everybody else's data: pictures, volumes, DICOM series and nnU-Net's layout."""

import json
from pathlib import Path

import numpy as np
import pytest
from helpers import data_sets
from monai.transforms import Compose
from PIL import Image

from sdseg.datasets import Dataset, open_dataset
from sdseg.errors import InputError
from sdseg.volume.label import load_labelmap_of
from sdseg.volume.recipe import Recipe

POLYP = {"labels": {"polyp": 1}, "modality": "ES"}
ORGANS = {"labels": {"liver": 1, "spleen": 2}, "modality": "CT", "window": [-160, 240]}


def ids(dataset: Dataset) -> dict[str, list[str]]:
    return {split: [example.id for example in dataset.examples(split)] for split in dataset.splits}


def loaded(dataset: Dataset, split: str = "train") -> dict:
    example = dataset.examples(split)[0]
    recipe = Recipe(image_size=16, windows=dataset.recipe_windows)
    return Compose(recipe.training_transforms(example))({"image": example.image})


def test_pairs_are_divided_by_a_seed(tmp_path: Path) -> None:
    data_sets.pairs(tmp_path, [f"{n:02d}" for n in range(40)])
    first = open_dataset("pairs", tmp_path, **POLYP)
    assert [len(found) for found in ids(first).values()] == [32, 4, 4]
    assert (
        ids(first)
        == ids(open_dataset("pairs", tmp_path, **POLYP))
        != ids(open_dataset("pairs", tmp_path, seed=1, **POLYP))
    )
    assert "divided by seed 0" in first.describe()
    both = open_dataset("pairs", tmp_path, fractions=[0.9, 0.1, 0], **POLYP)
    assert [len(found) for found in ids(both).values()] == [36, 4] and both.splits == ("train", "validation")
    assert loaded(first)["label"].unique().tolist() == [0, 1]
    np.testing.assert_array_equal(load_labelmap_of(first.examples("test")[0])[..., 0], data_sets.labelled())


def test_groups_stay_together(tmp_path: Path) -> None:
    data_sets.pairs(tmp_path, [f"p{patient}_{n}" for patient in range(9) for n in range(3)])
    dataset = open_dataset("pairs", tmp_path, group_pattern=r"^(p\d+)_", **POLYP)
    groups = [{example.group for example in dataset.examples(split)} for split in dataset.splits]
    assert [len(found) for found in groups] == [7, 1, 1] and len(set.union(*groups)) == 9


def test_too_few_groups_for_the_splits(tmp_path: Path) -> None:
    data_sets.pairs(tmp_path, ["a_1", "a_2", "b_1"])
    with pytest.raises(InputError, match="2 groups are too few"):
        open_dataset("pairs", tmp_path, group_pattern="^(.)_", **POLYP)


def test_a_split_file_decides(tmp_path: Path) -> None:
    data_sets.pairs(tmp_path, "abcd")
    (tmp_path / "split.csv").write_text("name,split,group\nb.jpg,train,x\na,train,x\nc.png,val,y\nd,Test,\n")
    dataset = open_dataset("pairs", tmp_path, **POLYP)
    assert ids(dataset) == {"train": ["a", "b"], "validation": ["c"], "test": ["d"]}
    assert [example.group for example in dataset.examples("train")] == ["x", "x"]
    assert dataset.examples("test")[0].group == "d" and not dataset.notes


def test_masks_in_colour(tmp_path: Path) -> None:
    data_sets.pairs(tmp_path, "abcd")
    for name in "abcd":
        colours = np.zeros((data_sets.ROWS, data_sets.COLUMNS, 3), np.uint8)
        colours[..., 2] = data_sets.block(200)
        Image.fromarray(colours).save(tmp_path / "masks" / f"{name}.png")
    dataset = open_dataset("pairs", tmp_path, label_channel=2, label_values={200: 1}, **POLYP)
    np.testing.assert_array_equal(load_labelmap_of(dataset.examples("train")[0])[..., 0], data_sets.labelled())


def test_volumes(tmp_path: Path) -> None:
    dataset = open_dataset("volumes", data_sets.volumes(tmp_path), **ORGANS)
    assert [len(found) for found in ids(dataset).values()] == [8, 1, 1]
    data = loaded(dataset)
    assert data["image"].shape == (1, 16, 16, 3) and data["label"].unique().tolist() == [0, 1, 2]
    window = dataset.recipe_windows["CT"]
    assert (window.kind, window.low, window.high) == ("range", -160, 240)


def test_mr_has_a_usual_window_ct_has_none(tmp_path: Path) -> None:
    data_sets.volumes(tmp_path)
    mr = open_dataset("volumes", tmp_path, labels=ORGANS["labels"], modality="MR")
    assert mr.recipe_windows["MR"].kind == "percentile"
    ct = open_dataset("volumes", tmp_path, labels=ORGANS["labels"], modality="CT")
    with pytest.raises(InputError, match=r"state the window of CT, as in window: \[-160, 240\]"):
        _ = ct.recipe_windows
    unknown = open_dataset("volumes", tmp_path, labels=ORGANS["labels"])
    with pytest.raises(InputError, match="state the modality and its window"):
        _ = unknown.recipe_windows


def test_a_dicom_series_a_case(tmp_path: Path) -> None:
    dataset = open_dataset(
        "volumes", data_sets.dicom_volumes(tmp_path), labels={"liver": 1}, modality="CT", window=[-1000, 1000]
    )
    assert ids(dataset) == {split: found for split, found in ids(dataset).items() if len(found) == 1}
    data = loaded(dataset)
    assert data["image"].shape == (1, 16, 16, 3) and data["label"].unique().tolist() == [0, 1]
    assert dataset.examples("train")[0].image.is_dir()


def test_names_with_dots_are_whole_names(tmp_path: Path) -> None:
    """As folders named by their UID are."""
    data_sets.dicom_volumes(tmp_path, ["1.2.840.3", "1.2.840.4"])
    (tmp_path / "split.csv").write_text("name,split\n1.2.840.3,train\n1.2.840.4,test\n")
    dataset = open_dataset("volumes", tmp_path, labels={"liver": 1}, modality="CT")
    assert ids(dataset) == {"train": ["1.2.840.3"], "test": ["1.2.840.4"]}


@pytest.mark.parametrize(
    "labels",
    [{"background": 0, "liver": 1, "spleen": 2}, {"0": "background", "1": "liver", "2": "spleen"}],
    ids=["v2", "v1"],
)
def test_the_layout_of_nnunet(labels: dict, tmp_path: Path) -> None:
    names = [f"liver_{n:03d}" for n in range(10)]
    data_sets.fill(tmp_path / "imagesTr", [f"{name}_0000.nii.gz" for name in names], data_sets.grey_volume())
    data_sets.fill(tmp_path / "labelsTr", [f"{name}.nii.gz" for name in names], data_sets.label_volume(1, 2))
    (tmp_path / "dataset.json").write_text(json.dumps({"labels": labels}))
    dataset = open_dataset("volumes", tmp_path, modality="CT", window=[-160, 240])
    assert dataset.labels == {"liver": 1, "spleen": 2}
    assert sorted(name for found in ids(dataset).values() for name in found) == names
    assert loaded(dataset)["label"].unique().tolist() == [0, 1, 2]
    (tmp_path / "imagesTr" / "liver_000_0001.nii.gz").touch()
    with pytest.raises(InputError, match="liver_000_0001 is a second channel"):
        open_dataset("volumes", tmp_path, modality="CT")
    (tmp_path / "dataset.json").write_text('{"labels": {"organs": [1, 2]}}')
    with pytest.raises(InputError, match="does not name labels as nnU-Net does"):
        open_dataset("volumes", tmp_path, modality="CT")
