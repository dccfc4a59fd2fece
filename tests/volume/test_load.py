"""What can go wrong when an image is loaded."""

from pathlib import Path

import pytest

from sdseg.errors import GeometryError
from sdseg.volume.load import load_failures


def test_an_error_that_monai_wrapped_keeps_its_words_and_its_chain_has_an_end(tmp_path: Path) -> None:
    """A ring would hang whoever follows it: the queue of jobs does, to let go of what the frames hold."""
    gap = GeometryError("1 slice(s) are missing.", instances=("1.2.3",))
    with pytest.raises(GeometryError, match="are missing") as told, load_failures(tmp_path):
        try:
            raise gap
        except GeometryError as error:
            raise RuntimeError("applying transform") from error
    assert told.value.instances == ("1.2.3",)
    chain: list[BaseException] = []
    link: BaseException | None = told.value
    while link is not None:
        assert link not in chain
        chain.append(link)
        link = link.__cause__ or link.__context__
    assert chain[-1] is gap
