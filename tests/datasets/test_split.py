"""Split files are what their seed makes them, and nothing else."""

from collections import Counter
from importlib.resources import files

import pytest

from sdseg.datasets import btcv, cvc_clinicdb, refuge2_cup, sts_3d
from sdseg.datasets.split import committed, divide_seeded, straddling, write_split
from sdseg.errors import InputError

SEEDED = {
    name: split for module in (btcv, cvc_clinicdb, refuge2_cup, sts_3d) for name, split in module.make_splits().items()
}
FOLDER = files("sdseg.datasets") / "splits"
ALL = sorted(entry.name for entry in FOLDER.iterdir())


def test_there_is_a_file_for_each() -> None:
    assert sorted([*SEEDED, "kvasir-seg.csv"]) == ALL


@pytest.mark.parametrize("name", SEEDED)
def test_the_seed_makes_the_file(name: str) -> None:
    assert write_split(SEEDED[name]) == (FOLDER / name).read_text()


@pytest.mark.parametrize("name", ALL)
def test_files_are_sorted_and_hold_no_group_in_two_splits(name: str) -> None:
    lines = (FOLDER / name).read_text().splitlines()
    assert lines[0] == "name,split,group" and lines[1:] == sorted(lines[1:])
    assert bool(straddling(committed(name))) == (name == "cvc-clinicdb-paper.csv")


def test_kvasir_has_the_papers_sizes() -> None:
    table = committed("kvasir-seg.csv")
    assert Counter(member.split for member in table.values()) == {"train": 800, "validation": 100, "test": 100}
    assert {len(name) for name in table} == {25}


def test_btcv_tests_on_the_papers_volumes() -> None:
    table = committed("btcv.csv")
    test = [name for name, member in table.items() if member.split == "test"]
    assert test == ["0001", "0002", "0003", "0004", "0008", "0022", "0025", "0029", "0032", "0035", "0036", "0038"]
    assert len(table) == 30 and "0011" not in table and "0021" in table


def test_sts_tests_on_the_authors_volumes() -> None:
    test = [name for name, member in committed("sts-3d.csv").items() if member.split == "test"]
    assert test == ["Teeth_0010_0000", "Teeth_0011_0000", "Teeth_0012_0000"]


@pytest.mark.parametrize(
    ("frame", "video"),
    [
        (1, 1),
        (25, 1),
        (26, 2),
        (67, 3),
        (68, 4),
        (126, 6),
        (127, 7),
        (205, 10),
        (206, 11),
        (467, 23),
        (592, 29),
        (612, 29),
    ],
)
def test_the_frames_of_the_videos(frame: int, video: int) -> None:
    assert cvc_clinicdb.video_of(frame) == f"video-{video:02d}"
    assert committed("cvc-clinicdb-by-video.csv")[f"{frame:03d}"].group == f"video-{video:02d}"


def test_there_are_29_videos_of_612_frames() -> None:
    sizes = Counter(member.group for member in committed("cvc-clinicdb-by-video.csv").values())
    assert len(sizes) == 29 and sum(sizes.values()) == 612 and (min(sizes.values()), max(sizes.values())) == (6, 26)


def test_the_order_of_names_does_not_matter() -> None:
    groups = {f"{n}": f"{n // 4}" for n in range(100)}
    sizes = {"validation": 10, "test": 20}
    found = divide_seeded(groups, sizes, seed=3)
    assert divide_seeded(dict(reversed(groups.items())), sizes, seed=3) == found
    assert divide_seeded(groups, sizes, seed=4) != found
    assert Counter(member.split for member in found.values()) == {"train": 72, "validation": 8, "test": 20}
    assert straddling(found) == []


def test_a_group_larger_than_its_split_is_taken_whole() -> None:
    groups = {f"{n}": "big" if n < 20 else "small" if n < 30 else "middle" for n in range(45)}
    found = divide_seeded(groups, {"test": 2}, seed=0)
    assert {name for name, member in found.items() if member.split == "test"} == {f"{n}" for n in range(20, 30)}


def test_something_must_be_left_for_training() -> None:
    with pytest.raises(InputError, match="1 groups are too few"):
        divide_seeded({"a": "p", "b": "p"}, {"test": 1}, seed=0)
