"""`sdseg segment` on every kind of image: DICOM in, a valid DICOM SEG out."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch
from helpers.dicom_enhanced import EnhancedMaker
from helpers.dicom_pictures import PictureMaker
from helpers.dicom_series import SeriesMaker
from helpers.models import tiny_card, tiny_pipeline
from helpers.tools import assert_valid
from typer.testing import CliRunner

from sdseg.cli.main import app
from sdseg.dicom.seg_reader import read_seg
from sdseg.dicom.series import load_series
from sdseg.model.weights import save_weights
from sdseg.volume.window import Window

WINDOW = Window("percentile", 1, 99)
MODALITIES = ("CT", "MR", "PT", "ES", "XC", "OP", "CR", "DX")
MAKERS = {
    "CT": SeriesMaker(),
    "enhanced CT": EnhancedMaker(modality="CT"),
    "enhanced MR": EnhancedMaker(),
    "enhanced PT": EnhancedMaker(modality="PT"),
    **{kind: PictureMaker(kind=kind, slices=2) for kind in ("ES", "XC", "OP", "CR", "DX")},
}


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weights") / "tiny"
    card = tiny_card(("polyp",), **dict.fromkeys(MODALITIES, WINDOW))
    save_weights(tiny_pipeline(), card, folder, torch.float32)
    return folder


@pytest.mark.parametrize("name", MAKERS)
def test_dicom_in_dicom_seg_out(name: str, weights: Path, tmp_path: Path) -> None:
    folder = MAKERS[name].save(tmp_path / "images")
    seg, mask = tmp_path / "seg.dcm", tmp_path / "mask.nii.gz"
    for output in (seg, mask):
        result = CliRunner().invoke(app, ["segment", str(folder), "-o", str(output), "--weights", str(weights)])
        assert result.exit_code == 0, result.output
    assert_valid(seg)
    series = load_series(folder)
    labelmap, labels = read_seg(seg, series)
    assert labels == {"polyp": 1} and labelmap.shape == series.shape and labelmap.any()
    stored = np.asarray(nib.load(mask).dataobj)
    np.testing.assert_array_equal(labelmap, stored.transpose(2, 1, 0))


def test_one_file_and_its_corrections(weights: Path, tmp_path: Path) -> None:
    (dataset,) = PictureMaker(kind="DX").datasets()
    dataset.PhotometricInterpretation = "MONOCHROME1"
    dataset.save_as(tmp_path / "image.dcm", enforce_file_format=True)
    command = ["segment", str(tmp_path / "image.dcm"), "-o", str(tmp_path / "seg.dcm"), "--weights", str(weights)]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    assert "MONOCHROME1" in result.output and "does not say" not in result.output
    assert_valid(tmp_path / "seg.dcm")


def test_a_refusal_is_one_line(weights: Path, tmp_path: Path) -> None:
    folder = EnhancedMaker(temporal_positions=2).save(tmp_path / "images")
    command = ["segment", str(folder), "-o", str(tmp_path / "seg.dcm"), "--weights", str(weights)]
    result = CliRunner().invoke(app, command)
    assert result.exit_code != 0 and not (tmp_path / "seg.dcm").exists()
    assert "several volumes" in str(result.exception)
