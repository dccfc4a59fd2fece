"""Links in a folder of images: what lies outside is not shown, and not even opened."""

import logging
from pathlib import Path

import pytest
from helpers.dicom_series import SeriesMaker

from sdseg.pacs.folder_index import FolderIndex
from sdseg.pacs.links import leads_out


def test_a_link_out_of_the_folder_is_left_out(
    ct_folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    outside = SeriesMaker(slices=1).save(tmp_path / "outside")
    (secret,) = outside.iterdir()
    first = sorted(ct_folder.iterdir())[0]
    (ct_folder / "out.dcm").symlink_to(secret)
    (ct_folder / "out").symlink_to(outside)
    (ct_folder / "in.dcm").symlink_to(first)
    (ct_folder / "nowhere.dcm").symlink_to(tmp_path / "nowhere")
    index = FolderIndex(ct_folder)
    with caplog.at_level(logging.WARNING, "sdseg"):
        index.refresh()
    names = {file.path.name for file in index.files}
    assert "in.dcm" in names
    assert not names & {"out.dcm", "nowhere.dcm"}
    assert len(names) == 7  # six slices and the link to one of them
    assert "out.dcm is left out" in caplog.text


def test_a_chain_of_links_counts_by_its_end(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a").symlink_to("b")
    (folder / "b").symlink_to("../c")
    (folder / "loop").symlink_to("loop")
    assert leads_out(folder / "a", folder)
    assert leads_out(folder / "b", folder)
    assert not leads_out(folder / "loop", folder)  # nobody can open it
    (folder / "file").touch()
    (folder / "d").symlink_to("../in/file")
    assert not leads_out(folder / "d", folder)
    assert not leads_out(folder / "file", folder)
