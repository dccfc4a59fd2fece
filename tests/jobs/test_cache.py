"""Results by content: whole or absent, the latest used stay, and anything that differs gives another key."""

import os
from pathlib import Path

import pytest

from sdseg.jobs.cache import ResultCache, digest_of, key_of

KEYS = [key_of({"number": number}) for number in range(4)]


def test_what_was_put_comes_back_and_nothing_else(tmp_path: Path) -> None:
    cache = ResultCache(tmp_path / "cache", 1000)
    assert cache.get(KEYS[0]) is None
    cache.put(KEYS[0], b"mask")
    assert cache.get(KEYS[0]) == b"mask"
    assert ResultCache(tmp_path / "cache", 1000).get(KEYS[0]) == b"mask", "another process finds it"
    with pytest.raises(ValueError, match="SHA-256"):
        cache.get("../../etc/passwd")


@pytest.mark.parametrize("damage", ["cut", "changed", "emptied"])
def test_a_damaged_entry_is_ignored_and_replaced(tmp_path: Path, damage: str) -> None:
    cache = ResultCache(tmp_path, 1000)
    cache.put(KEYS[0], b"mask of a brain")
    (entry,) = tmp_path.iterdir()
    content = entry.read_bytes()
    entry.write_bytes({"cut": content[:-1], "changed": content[:-1] + b"?", "emptied": b""}[damage])
    assert cache.get(KEYS[0]) is None
    cache.put(KEYS[0], b"mask of a brain")
    assert cache.get(KEYS[0]) == b"mask of a brain"


def test_the_least_recently_used_goes_first(tmp_path: Path) -> None:
    cache = ResultCache(tmp_path, 300)
    for age, key in enumerate(KEYS[:2]):
        cache.put(key, bytes(80))
        for entry in tmp_path.glob(f"{key}*"):
            os.utime(entry, (age, age))
    assert cache.get(KEYS[0]) is not None  # now the one used last
    cache.put(KEYS[2], bytes(80))
    assert [cache.get(key) is not None for key in KEYS[:3]] == [True, False, True]


def test_what_is_larger_than_all_room_is_not_kept_and_costs_nothing(tmp_path: Path) -> None:
    cache = ResultCache(tmp_path, 100)
    cache.put(KEYS[0], bytes(20))
    cache.put(KEYS[1], bytes(200))
    assert cache.get(KEYS[0]) is not None
    assert cache.get(KEYS[1]) is None
    nothing = ResultCache(tmp_path / "none", 0)
    nothing.put(KEYS[0], b"")
    assert nothing.get(KEYS[0]) is None
    assert not (tmp_path / "none").exists()


def test_a_disk_that_refuses_costs_the_entry_only(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    cache = ResultCache(tmp_path / "file" / "cache", 1000)
    cache.put(KEYS[0], b"mask")
    assert cache.get(KEYS[0]) is None


def test_each_part_of_a_question_counts() -> None:
    parts = {"image": "a", "weights": "b", "seed": 0, "modality": None}
    assert key_of(parts) == key_of(dict(reversed(parts.items())))
    others = [{**parts, name: "other"} for name in parts]
    assert len({key_of(parts), *map(key_of, others)}) == 5
    assert key_of({"seed": 1}) != key_of({"seed": "1"})


def test_a_series_that_grew_shrank_or_changed_in_place_is_another(tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"{number}.dcm").write_bytes(bytes([number]) * 10)
    seen = [digest_of(tmp_path)]
    (tmp_path / "3.dcm").write_bytes(b"another slice")
    seen.append(digest_of(tmp_path))
    (tmp_path / "3.dcm").unlink()
    assert digest_of(tmp_path) == seen[0]
    before = (tmp_path / "1.dcm").stat()
    (tmp_path / "1.dcm").write_bytes(b"x" * 10)
    os.utime(tmp_path / "1.dcm", ns=(before.st_atime_ns, before.st_mtime_ns))
    seen.append(digest_of(tmp_path))
    assert len(set(seen)) == 3


def test_the_kind_of_a_file_counts_but_not_its_name(tmp_path: Path) -> None:
    for name in ("a.nii", "b.nii", "a.nii.gz"):
        (tmp_path / name).write_bytes(b"same")
    first, second, other = (digest_of(tmp_path / name) for name in ("a.nii", "b.nii", "a.nii.gz"))
    assert first == second != other
