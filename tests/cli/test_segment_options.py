"""What `sdseg segment` writes beside the mask, and what its options refuse before the model runs."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
import pytest
import torch
from helpers.dicom_enhanced import EnhancedMaker
from helpers.dicom_pictures import PictureMaker
from helpers.dicom_series import SeriesMaker, save_all
from helpers.models import save_tiny_weights, tiny_card, tiny_pipeline
from helpers.rivals import save_tiny_rival
from helpers.tools import assert_valid
from typer.testing import CliRunner, Result

from sdseg.cli.main import app
from sdseg.dicom import codes
from sdseg.errors import InputError, LabelError
from sdseg.inference.segmenter import Segmenter
from sdseg.model.weights import save_weights
from sdseg.volume.window import Window


@pytest.fixture(autouse=True)
def _loud(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SDSEG_DEBUG", "1")  # the command must not quieten the libraries of the other tests


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    windows = {"MR": Window("percentile", 0, 100), "ES": Window("range", 0, 255)}
    return save_tiny_weights(tmp_path_factory.mktemp("weights") / "tiny", **windows)


@pytest.fixture
def series(tmp_path: Path) -> Path:
    return SeriesMaker(modality="MR", slices=3).save(tmp_path / "mr")


def segment(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["segment", *map(str, arguments)])


def refused(*arguments: object) -> str:
    """What is told on one line; nothing was asked of the model."""
    error = segment(*arguments).exception
    assert isinstance(error, InputError | LabelError)
    assert "\n" not in str(error)
    return str(error)


def test_uncertainty_writes_maps_beside_the_output(series: Path, weights: Path, tmp_path: Path) -> None:
    command = (series, "-o", tmp_path / "out" / "t1.dcm", "--weights", weights, "--uncertainty", 2)
    done = segment(*command)
    assert done.exit_code == 0, done.output
    names = {
        f"t1_brain_{quantity}{ending}" for quantity in ("probability", "disagreement") for ending in (".dcm", ".nii.gz")
    }
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"t1.dcm", *names}
    assert {line.removeprefix("map=") for line in done.output.splitlines() if line.startswith("map=")} == {
        str(tmp_path / "out" / name) for name in names
    }
    expected = Segmenter.load(weights).segment(series, noises=2).uncertainty
    assert expected is not None
    image = nib.load(tmp_path / "out" / "t1_brain_probability.nii.gz")
    assert image.get_data_dtype() == np.float32
    np.testing.assert_allclose(image.get_fdata(), expected.probability["brain"], atol=1e-5)
    np.testing.assert_allclose(image.affine, expected.affine, atol=1e-4)
    stored = pydicom.dcmread(tmp_path / "out" / "t1_brain_disagreement.dcm")
    assert_valid(tmp_path / "out" / "t1_brain_disagreement.dcm")
    pixels = np.frombuffer(stored.FloatPixelData, "<f4").reshape(3, 20, 24)
    np.testing.assert_allclose(pixels, expected.disagreement["brain"].transpose(2, 1, 0), atol=1e-5)
    derivation = stored.PerFrameFunctionalGroupsSequence[0].DerivationImageSequence[0]
    assert derivation.DerivationDescription.endswith("noises=2")
    (tmp_path / "out" / "t1.dcm").unlink()
    assert "t1_brain_probability.nii.gz exists already" in refused(*command)


def test_without_it_there_is_the_mask_alone(series: Path, weights: Path, tmp_path: Path) -> None:
    assert segment(series, "-o", tmp_path / "out", "--weights", weights).exit_code == 0
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["segmentation.dcm"]


def test_a_model_without_noise_says_so(series: Path, tmp_path: Path) -> None:
    rival = save_tiny_rival(tmp_path / "rival")
    done = segment(series, "-o", tmp_path / "out" / "b.nii.gz", "--weights", rival, "--uncertainty", 5)
    assert done.exit_code == 0, done.output
    assert "draws no noise: its probability is written, and no disagreement" in " ".join(done.output.split())
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"b.nii.gz", "b_brain_probability.nii.gz", "b_brain_probability.dcm"}


def test_pictures_have_no_parametric_map(weights: Path, tmp_path: Path) -> None:
    folder = save_all(PictureMaker(kind="ES").datasets(), tmp_path / "es")
    done = segment(folder, "-o", tmp_path / "out" / "p.dcm", "--weights", weights, "--uncertainty", 2)
    assert done.exit_code == 0, done.output
    assert "so no Parametric Map: the maps are NIfTI alone" in " ".join(done.output.split())
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "p.dcm", "p_brain_probability.nii.gz", "p_brain_disagreement.nii.gz",
    }  # fmt: skip


def test_one_file_may_be_a_whole_series(weights: Path, tmp_path: Path) -> None:
    (file,) = save_all(EnhancedMaker().datasets(), tmp_path / "mr").glob("*")
    done = segment(file, "-o", tmp_path / "out", "--weights", weights, "--uncertainty", 1)
    assert done.exit_code == 0, done.output
    names = {f"segmentation{rest}" for rest in (".dcm", "_brain_probability.dcm", "_brain_probability.nii.gz")}
    assert {path.name for path in (tmp_path / "out").iterdir()} == names


@pytest.mark.parametrize("kind", ["BINARY", "labelmap"])
def test_the_segmentation_type_can_be_chosen(kind: str, series: Path, weights: Path, tmp_path: Path) -> None:
    done = segment(series, "-o", tmp_path / "a.dcm", "--weights", weights, "--segmentation-type", kind)
    assert done.exit_code == 0, done.output
    assert pydicom.dcmread(tmp_path / "a.dcm").SegmentationType == kind.upper()


def test_what_the_gate_corrected_is_told(weights: Path, tmp_path: Path) -> None:
    datasets = SeriesMaker(modality="MR", slices=4).datasets()
    datasets[1].ImageOrientationPatient = [1, 0.00001, 0, 0, 1, 0]
    done = segment(save_all(datasets, tmp_path / "mr"), "-o", tmp_path / "a.dcm", "--weights", weights)
    assert done.exit_code == 0, done.output
    assert "Corrected: ImageOrientationPatient differed" in " ".join(done.output.split())


def test_a_label_of_ones_own_is_coded_by_a_file(series: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codes, "_ADDED", {})
    card = replace(tiny_card(), labels={"left hip": 1})
    save_weights(tiny_pipeline(), card, tmp_path / "hip", torch.float32)
    command = (series, "-o", tmp_path / "a.dcm", "--weights", tmp_path / "hip", "--uncertainty", 1)
    assert '"left hip" has no DICOM code' in refused(*command)
    assert not (tmp_path / "a.dcm").exists()
    own = tmp_path / "own.yaml"
    own.write_text('structures: {left hip: {category: "SCT:91723000", type: "SCT:24136001", modifier: "SCT:7771000"}}')
    done = segment(*command, "--structures", own)
    assert done.exit_code == 0, done.output
    item = pydicom.dcmread(tmp_path / "a.dcm").SegmentSequence[0]
    kind = item.SegmentedPropertyTypeCodeSequence[0]
    assert (item.SegmentLabel, kind.CodeValue, kind.CodeMeaning) == ("left hip", "24136001", "Hip joint")
    assert kind.SegmentedPropertyTypeModifierCodeSequence[0].CodeMeaning == "Left"
    found = pydicom.dcmread(tmp_path / "a_left-hip_probability.dcm").SharedFunctionalGroupsSequence[0]
    assert found.FrameAnatomySequence[0].AnatomicRegionSequence[0].CodeMeaning == "Hip joint"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (lambda _: ("--segmentation-type", "FRACTIONAL"), "FRACTIONAL is none of BINARY, LABELMAP"),
        (lambda _: ("--segmentation-type", "LABELMAP", "-o", "a.nii.gz"), "a.nii.gz is no DICOM SEG"),
        (lambda _: ("--uncertainty", "-1"), "1 to 100 noises, not -1"),
        (lambda _: ("--uncertainty", "101"), "1 to 100 noises, not 101"),
        (lambda folder: ("--structures", folder / "none.yaml"), "cannot be read (No such file or directory)"),
    ],
)
def test_wrong_options_are_one_line(
    options: Callable[[Path], tuple[object, ...]], words: str, series: Path, weights: Path, tmp_path: Path
) -> None:
    before = set(tmp_path.iterdir())
    assert words in refused(series, "-o", tmp_path / "a.dcm", "--weights", weights, *options(tmp_path))
    assert set(tmp_path.iterdir()) == before
