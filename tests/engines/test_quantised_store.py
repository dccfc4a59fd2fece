"""What was quantised is kept whole, found again, and never trusted when it is damaged."""

import logging
from pathlib import Path

import pytest
import torch

from sdseg.engines import quantised_store as store


def write(folder: Path) -> None:
    (folder / "encoder.xml").write_text("encoder")
    (folder / "encoder.bin").write_bytes(bytes(100))


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SDSEG_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_what_was_kept_is_found(cache: Path) -> None:
    assert store.find("a" * 64) is None
    store.keep("a" * 64, write)
    found = store.find("a" * 64)
    assert found is not None and (found / "encoder.xml").read_text() == "encoder"
    assert store.find("b" * 64) is None
    assert [path.name for path in (cache / "quantised").iterdir()] == ["a" * 32]


@pytest.mark.parametrize("harm", ["cut", "changed", "missing", "more", "sums", "no sums"])
def test_a_damaged_entry_is_made_anew(harm: str) -> None:
    store.keep("a" * 64, write)
    folder = store.find("a" * 64)
    assert folder is not None
    if harm == "cut":
        (folder / "encoder.bin").write_bytes(bytes(50))
    elif harm == "changed":
        (folder / "encoder.xml").write_text("decoder")
    elif harm == "missing":
        (folder / "encoder.bin").unlink()
    elif harm == "more":
        (folder / "other.bin").write_bytes(b"")
    else:
        (folder / "SHA256.json").unlink() if harm == "no sums" else (folder / "SHA256.json").write_text("{")
    assert store.find("a" * 64) is None
    store.keep("a" * 64, write)
    assert store.find("a" * 64) is not None


def test_a_preferred_entry_is_found_by_its_networks(cache: Path) -> None:
    assert store.preferred("n" * 64) is None
    store.keep("a" * 64, write)
    store.prefer("n" * 64, "a" * 64)
    assert store.preferred("n" * 64) == store.find("a" * 64) is not None
    assert store.preferred("m" * 64) is None
    (cache / "quantised" / ("a" * 32) / "encoder.bin").unlink()
    assert store.preferred("n" * 64) is None, "damaged"
    (cache / "calibrated" / ("n" * 32)).write_bytes(b"\xff")
    assert store.preferred("n" * 64) is None


def test_without_a_cache_nothing_can_be_preferred(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "cache_folder", lambda: None)
    with pytest.raises(OSError, match="no cache folder"):
        store.prefer("n" * 64, "a" * 64)
    assert store.preferred("n" * 64) is None


def test_a_disk_that_refuses_is_no_error(cache: Path, caplog: pytest.LogCaptureFixture) -> None:
    cache.write_text("a file where the folder should be")
    store.keep("a" * 64, write)
    assert store.find("a" * 64) is None
    assert "cannot be kept" in caplog.text


def test_the_key_is_of_all_that_matters() -> None:
    layer, slices = torch.nn.Conv2d(1, 1, 1), torch.zeros(1, 3, 8, 8)
    key = store.key_of({"nncf": "1"}, {"encoder": layer}, slices)
    assert key == store.key_of({"nncf": "1"}, {"encoder": layer}, slices.clone())
    others = [
        store.key_of({"nncf": "2"}, {"encoder": layer}, slices),
        store.key_of({"nncf": "1"}, {"decoder": layer}, slices),
        store.key_of({"nncf": "1"}, {"encoder": torch.nn.Conv2d(1, 1, 1)}, slices),
        store.key_of({"nncf": "1"}, {"encoder": layer}, slices + 1),
    ]
    assert len({key, *others}) == 5


def test_quantising_leaves_the_log_of_others_alone() -> None:
    from sdseg.engines.quantising import quantise

    shared = logging.StreamHandler()
    logging.getLogger("nncf").addHandler(shared)  # as pytest does with its own, and an application may
    try:
        quantise(torch.nn.Conv2d(3, 3, 3).eval(), torch.zeros(2, 3, 8, 8))
    finally:
        logging.getLogger("nncf").removeHandler(shared)
    assert shared.level == logging.NOTSET
    assert type(logging.getLogger(f"{__name__}.made_later")) is logging.Logger
