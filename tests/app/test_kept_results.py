"""Results and digests are made of a mask slice by slice, and are what they were when it was taken whole."""

import hashlib
import json
import zipfile
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from sdseg.jobs.cache import ResultCache
from sdseg.volume.compact import CompactLabelmap
from sdseg_app.jobs.results import Found, KeptResults
from sdseg_app.labels.files import digest_of, result_file

KEY = "0" * 64
FACTS = {"seed": 3, "device": "cpu"}


@pytest.fixture
def mask() -> NDArray[np.uint8]:
    """(i, j, k)."""
    values = np.zeros((9, 7, 40), np.uint8)
    values[2:5, 1:6, 10:30], values[6, 2, 39] = 1, 2
    return values


def test_a_kept_result_is_an_npz_file_as_ever(mask: NDArray[np.uint8], tmp_path: Path) -> None:
    kept = KeptResults(tmp_path, 10)
    kept.put(KEY, Found(CompactLabelmap.of(mask), np.diag([1.0, 2, 3, 1]), FACTS))
    with np.load(BytesIO(ResultCache(tmp_path, 10**7).get(KEY) or b""), allow_pickle=False) as arrays:
        np.testing.assert_array_equal(arrays["labelmap"], mask)
        assert json.loads(arrays["facts"].tobytes()) == FACTS
    found = kept.get(KEY)
    assert found is not None and found.facts == FACTS
    np.testing.assert_array_equal(found.labelmap.array(), mask)
    np.testing.assert_array_equal(found.affine, np.diag([1.0, 2, 3, 1]))


def test_one_that_was_kept_before_is_read(mask: NDArray[np.uint8], tmp_path: Path) -> None:
    content, facts = BytesIO(), np.frombuffer(json.dumps(FACTS).encode(), dtype=np.uint8)
    np.savez_compressed(content, labelmap=np.asfortranarray(mask), affine=np.eye(4), facts=facts)
    ResultCache(tmp_path, 10**7).put(KEY, content.getvalue())
    found = KeptResults(tmp_path, 10).get(KEY)
    assert found is not None
    np.testing.assert_array_equal(found.labelmap.array(), mask)


@pytest.mark.parametrize("left_out", ["labelmap", "affine", "facts", "everything"])
def test_one_that_lacks_something_is_none(left_out: str, tmp_path: Path) -> None:
    content = BytesIO()
    arrays = {"labelmap": np.zeros((2, 2, 2), np.uint8, order="F"), "affine": np.eye(4), "facts": np.zeros(2, np.uint8)}
    with zipfile.ZipFile(content, "w") as archive:
        for name, values in arrays.items():
            if name != left_out:
                with archive.open(f"{name}.npy", "w") as member:
                    np.lib.format.write_array(member, values)
    ResultCache(tmp_path, 10**7).put(KEY, b"no archive" if left_out == "everything" else content.getvalue())
    assert KeptResults(tmp_path, 10).get(KEY) is None


def test_the_digest_of_a_label_is_that_of_its_bytes(mask: NDArray[np.uint8]) -> None:
    """Records of labels hold it: another way to the same voxels must give the same."""
    values = {"spleen": 2, "liver": 1}
    expected = hashlib.sha256(mask.tobytes(order="F") + repr(sorted(values.items())).encode()).hexdigest()
    others = np.asfortranarray(mask), np.repeat(mask, 2, axis=0)[::2]
    assert {digest_of(each, values) for each in (mask, *others)} == {expected}


def test_a_raw_result_holds_the_voxels_in_the_order_of_the_source(mask: NDArray[np.uint8]) -> None:
    path = result_file(CompactLabelmap.of(mask), np.eye(4), ".nrrd", False)
    try:
        assert path.read_bytes().endswith(b"\n\n" + mask.tobytes(order="F"))
    finally:
        path.unlink()
