import threading
from pathlib import Path

import nrrd
import numpy as np
import pytest

from sdseg.corrections.store import LabelStore
from sdseg.corrections.training import training_label
from sdseg.errors import UnknownNameError
from sdseg.volume.labelmap import save_labelmap


def keep(store: LabelStore, mask: np.ndarray, tag: str = "final", **values: int) -> Path:
    """Save a mask of the image "1.2" and return its file."""
    scratch = save_labelmap(mask, np.eye(4), store.folder / "scratch.nrrd")
    store.keep("1.2", tag, scratch, str(int(mask.sum())).rjust(12, "0"), {"label_values": values})
    return store.path(store.find("1.2", tag))


@pytest.fixture
def mask() -> np.ndarray:
    return np.arange(24, dtype=np.uint8).reshape(2, 3, 4) % 4


def test_every_version_is_kept_and_the_last_counts(tmp_path: Path, mask: np.ndarray) -> None:
    store = LabelStore(tmp_path)
    first, second = keep(store, mask), keep(store, mask[::-1] // 2)
    assert first.exists() and second.exists() and first != second
    assert LabelStore(tmp_path).find("1.2", "final").file == second.relative_to(store.folder).as_posix()
    assert store.counts(["1.2", "3.4"]) == {"final": 1}
    assert store.counts(["3.4"]) == {}


def test_a_withdrawn_label_is_gone_with_its_older_versions_until_a_new_one(tmp_path: Path, mask: np.ndarray) -> None:
    store = LabelStore(tmp_path)
    keep(store, mask)
    keep(store, mask // 2)
    store.book.remove("1.2", "final")
    with pytest.raises(UnknownNameError):
        store.find("1.2", "final")
    assert store.finished() == set()
    keep(store, mask)
    assert store.finished() == {"1.2"}


def test_any_thread_and_process_may_write(tmp_path: Path) -> None:
    store, other = LabelStore(tmp_path), LabelStore(tmp_path)

    def note(number: int) -> None:
        (store, other)[number % 2].book.add(f"1.{number}", "final", "x.nrrd", "0", {})

    threads = [threading.Thread(target=note, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(store.finished()) == 16


def test_training_takes_the_models_values_by_name(tmp_path: Path, mask: np.ndarray) -> None:
    """Someone's tumour = 1, brain = 2 must not teach a model whose 1 is the brain."""
    store = LabelStore(tmp_path)
    keep(store, mask, tumour=1, Brain=2, other=3)
    path = training_label(store, store.find("1.2", "final"), {"brain": 1})
    assert path is not None
    data, header = nrrd.read(str(path))
    assert (data == (mask == 2)).all()
    assert header["space"] == "left-posterior-superior"
    assert training_label(store, store.find("1.2", "final"), {"brain": 1}) == path
    assert (nrrd.read(str(store.path(store.find("1.2", "final"))))[0] == mask).all(), "the label itself stays"


def test_a_label_in_the_models_values_is_used_as_it_is_and_a_foreign_one_not_at_all(
    tmp_path: Path, mask: np.ndarray
) -> None:
    store = LabelStore(tmp_path)
    own = keep(store, mask % 2, brain=1)
    assert training_label(store, store.find("1.2", "final"), {"brain": 1}) == own
    keep(store, mask % 2, tag="foreign", liver=1)
    assert training_label(store, store.find("1.2", "foreign"), {"brain": 1}) is None
