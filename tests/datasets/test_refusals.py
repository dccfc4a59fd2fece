"""What is wrong with a folder is said in one line: what was expected, and what was found."""

import shutil
from pathlib import Path

import pytest
from helpers import data_sets

from sdseg.datasets import DATASETS, open_dataset
from sdseg.datasets.split import committed
from sdseg.errors import InputError, SdsegError, UnknownNameError

OPTIONS: dict[str, dict] = {"pairs": {"labels": {"polyp": 1}, "modality": "ES"}, "volumes": {"labels": {"liver": 1}}}
SECOND: dict[str, str] = {
    "cvc-clinicdb": "Original",
    "kvasir-seg": "images",
    "refuge2-cup": "images",
    "btcv": "img",
    "sts-3d": "image",
    "pairs": "images",
    "volumes": "images",
}


def refusal(name: str, root: Path, **options: object) -> str:
    with pytest.raises(SdsegError) as caught:
        open_dataset(name, root, **{**OPTIONS.get(name, {}), **options})
    message = str(caught.value)
    assert "\n" not in message and isinstance(caught.value, InputError)
    return message


def test_unknown_data_sets() -> None:
    with pytest.raises(UnknownNameError, match=r"no data set 'kvasir'.*btcv, cvc-clinicdb, kvasir-seg, pairs"):
        open_dataset("kvasir", "nowhere")
    assert sorted(DATASETS) == sorted(SECOND)


@pytest.mark.parametrize("name", SECOND)
def test_a_wrong_folder(name: str, tmp_path: Path) -> None:
    for folder in ("a", "b", ".hidden"):
        (tmp_path / folder).mkdir()
    for number in range(3):
        (tmp_path / f"{number}.txt").touch()
    (tmp_path / "readme.md").touch()
    message = refusal(name, tmp_path)
    assert f"is not {name}: expected {DATASETS[name].layout}; found: " in message
    assert message.endswith("found: folders a, b, 1 file *.md, 3 files *.txt.")


@pytest.mark.parametrize("name", SECOND)
def test_nothing_there(name: str, tmp_path: Path) -> None:
    assert refusal(name, tmp_path / "nowhere").endswith("found: no such folder.")
    assert refusal(name, tmp_path).endswith("found: an empty folder.")
    (tmp_path / "file").touch()
    assert refusal(name, tmp_path / "file").endswith("found: a file, not a folder.")


@pytest.mark.parametrize("name", SECOND)
def test_right_folders_with_wrong_files(name: str, tmp_path: Path) -> None:
    masks = {"cvc-clinicdb": "Ground Truth", "btcv": "label", "sts-3d": "label", "volumes": "labels"}.get(name, "masks")
    (tmp_path / masks).mkdir()
    images = tmp_path / SECOND[name]
    images.mkdir()
    (images / "x.txt").touch()
    message = refusal(name, tmp_path)
    assert f"in {images.name}/ 1 file *.txt" in message and f"in {masks}/ an empty folder" in message


def test_images_and_masks_without_partner(tmp_path: Path) -> None:
    data_sets.pairs(tmp_path)
    for name in "bcdef":
        (tmp_path / "masks" / f"{name}.png").unlink()
    (tmp_path / "images" / "a.jpg").unlink()
    message = refusal("pairs", tmp_path)
    assert "5 of 11 images have no mask (b, c, d and 2 more)" in message
    assert "1 of 7 masks have no image (a)" in message


def test_two_files_of_one_name(tmp_path: Path) -> None:
    data_sets.pairs(tmp_path)
    shutil.copy(tmp_path / "masks" / "a.png", tmp_path / "images" / "a.png")
    assert "a.jpg and a.png have the same name: keep one" in refusal("pairs", tmp_path)


def test_hidden_files_do_not_count(tmp_path: Path) -> None:
    data_sets.pairs(tmp_path)
    (tmp_path / "images" / "._a.jpg").touch()
    dataset = open_dataset("pairs", tmp_path, **OPTIONS["pairs"])
    assert sum(len(dataset.examples(split)) for split in dataset.splits) == 12


def test_images_that_lack_or_are_unknown(tmp_path: Path) -> None:
    table = committed("kvasir-seg.csv")
    test = [name for name in sorted(table) if table[name].split == "test"]
    data_sets.kvasir_seg(tmp_path, [name for name in table if name not in test[:5]])
    message = refusal("kvasir-seg", tmp_path)
    assert f"5 of 100 test images are missing ({', '.join(test[:3])} and 2 more)" in message
    assert "say incomplete: true" in message and "train images" not in message
    dataset = open_dataset("kvasir-seg", tmp_path, incomplete=True)
    assert len(dataset.examples("test")) == 95 and "5 of 100 test images are missing" in dataset.notes[0]
    data_sets.kvasir_seg(tmp_path, ["extra"])
    for options in ({}, {"incomplete": True}):
        assert "1 images on disk are not in its split file (extra)" in refusal("kvasir-seg", tmp_path, **options)


def test_images_of_something_else(tmp_path: Path) -> None:
    message = refusal("kvasir-seg", data_sets.kvasir_seg(tmp_path, ["a", "b"]))
    assert "2 images on disk are not in its split file (a, b)" in message


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("kvasir-seg", {"speed": 1}, "kvasir-seg has no option speed; it has validation, incomplete."),
        ("btcv", {"split": "paper"}, "btcv has no option split; it has classes, validation, incomplete."),
        ("sts-3d", {"validation": "some"}, "validation is 'held-out' or 'none', not 'some'"),
        ("pairs", {"fractions": [0.8, 0.3, 0.1]}, "fractions are three numbers"),
        ("pairs", {"labels": {"polyp": 2}}, "must run from 1 without gaps"),
        ("pairs", {"group_pattern": "("}, "no regular expression"),
        ("pairs", {"group_pattern": "^(x[0-9]+)_"}, "finds no group in 'a'"),
        ("pairs", {"window": [0, 255, 3]}, r"window is [low, high]"),
        ("pairs", {"label_channel": -1}, "label_channel counts from 0"),
        ("volumes", {"labels": {}}, "name the labels"),
        ("volumes", {"window": [-160, 240]}, r"window is [low, high]"),
    ],
)
def test_wrong_options(name: str, options: dict, message: str, tmp_path: Path) -> None:
    getattr(data_sets, name.replace("-", "_"), lambda root: root)(tmp_path) if name in ("pairs", "volumes") else None
    assert message in refusal(name, tmp_path, **options)


def test_options_that_are_needed(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="pairs needs labels, modality"):
        open_dataset("pairs", tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no lines with the columns name,split"),
        ("image,part\na,train\n", "no lines with the columns name,split"),
        ("name,split\na,train\nb,learn\n", "line 3: 'b,learn' is no name and one of train, validation, test"),
        ("name,split\na,train\na.png,test\n", "line 3: a is named twice"),
        ("name,split\na,train\na,test\n", "line 3: a is named twice"),
        (
            "name,split\na,train\nzz,test\n",
            "1 names in it are missing on disk (zz) and 11 images on disk are not in it",
        ),
        (
            "name,split,group\n" + "".join(f"{c},train,p\n" for c in "abcdefghijk") + "l,test,p\n",
            "group p lies in more",
        ),
    ],
)
def test_wrong_split_files(text: str, message: str, tmp_path: Path) -> None:
    data_sets.pairs(tmp_path)
    (tmp_path / "split.csv").write_text(text)
    assert message in refusal("pairs", tmp_path)
    (tmp_path / "split.csv").write_bytes(b"\xff\xfe\x00")
    assert "no CSV text" in refusal("pairs", tmp_path)
