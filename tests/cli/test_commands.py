"""The command line, as a user types it: files out, one line on error, nothing half-written."""

import os
import subprocess
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
import pytest
import torch
from helpers.dicom_series import SeriesMaker
from helpers.forked import run_program
from helpers.models import save_tiny_weights, tiny_card, tiny_pipeline
from PIL import Image

from sdseg.model.weights import save_weights
from sdseg.volume.window import Window

SDSEG = Path(sys.executable).with_name("sdseg")


def sdseg(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return run_program("sdseg.cli.main", *map(str, arguments), env={**os.environ, **environment})


def assert_one_line(done: subprocess.CompletedProcess[str], *words: str, code: int = 1) -> None:
    assert done.returncode == code, done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("sdseg: ")]
    assert len(lines) == 1, done.stderr
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in lines[0]


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_weights(
        tmp_path_factory.mktemp("weights") / "tiny", MR=Window("percentile", 0, 100), XC=Window("range", 0, 255)
    )


@pytest.fixture
def series(tmp_path: Path) -> Path:
    return SeriesMaker(modality="MR", rows=32, columns=32).save(tmp_path / "mr")


def test_dicom_becomes_dicom_seg(series: Path, weights: Path, tmp_path: Path) -> None:
    command = [SDSEG, "segment", series, "-o", tmp_path / "out", "--weights", weights]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    seg = pydicom.dcmread(tmp_path / "out" / "segmentation.dcm")
    assert seg.Modality == "SEG"
    assert f"output={tmp_path / 'out' / 'segmentation.dcm'}" in done.stdout
    voxels = int(next(line for line in done.stdout.splitlines() if line.startswith("brain: ")).split()[1])
    assert int(np.unpackbits(np.frombuffer(seg.PixelData, np.uint8)).sum()) == voxels > 0


def test_dicom_becomes_nifti_on_the_same_grid(series: Path, weights: Path, tmp_path: Path) -> None:
    done = sdseg("segment", series, "-o", tmp_path / "brain.nii.gz", "--weights", weights)
    assert done.returncode == 0, done.stderr
    assert nib.load(tmp_path / "brain.nii.gz").shape == (32, 32, 6)


def test_picture_becomes_picture(weights: Path, tmp_path: Path) -> None:
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (40, 50, 3), np.uint8)).save(tmp_path / "a.jpg")
    done = sdseg("segment", tmp_path / "a.jpg", "-o", tmp_path, "--weights", weights, "--modality", "XC")
    assert done.returncode == 0, done.stderr
    mask = np.asarray(Image.open(tmp_path / "a_seg.png"))
    assert mask.shape == (40, 50)
    assert set(np.unique(mask)) <= {0, 255}


def test_one_series_of_several(series: Path, weights: Path, tmp_path: Path) -> None:
    SeriesMaker(name="two", modality="MR", rows=16, columns=16, slices=4).save(series / "other")
    command = ("segment", series, "-o", tmp_path / "a.nii.gz", "--weights", weights)
    done = sdseg(*command)
    assert_one_line(done, "several series")
    uids = {pydicom.dcmread(path).SeriesInstanceUID for path in (series / "other").glob("*.dcm")}
    done = sdseg(*command, "--series", *uids)
    assert done.returncode == 0, done.stderr
    assert nib.load(tmp_path / "a.nii.gz").shape == (16, 16, 4)


def test_a_picture_may_be_of_anything(tmp_path: Path) -> None:
    weights = save_tiny_weights(tmp_path / "tiny")
    Image.fromarray(np.zeros((40, 50, 3), np.uint8)).save(tmp_path / "a.jpg")
    done = sdseg("segment", tmp_path / "a.jpg", "-o", tmp_path / "a.png", "--weights", weights)
    assert_one_line(done, "modality is not stated", "MR")
    assert not (tmp_path / "a.png").exists()


def test_a_place_that_cannot_be_written(series: Path, weights: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for name in ("a.dcm", "a.nii.gz"):
        done = sdseg("segment", series, "-o", tmp_path / "file" / name, "--weights", weights)
        assert_one_line(done, str(tmp_path / "file"))


def test_nothing_found_files_no_seg(series: Path, tmp_path: Path) -> None:
    pipeline = tiny_pipeline()
    with torch.no_grad():
        pipeline.vae.decoder.conv_out.weight.zero_()
        pipeline.vae.decoder.conv_out.bias.fill_(-1.0)
    save_weights(pipeline, tiny_card(), tmp_path / "blind")
    done = sdseg("segment", series, "-o", tmp_path / "a.dcm", "--weights", tmp_path / "blind")
    assert_one_line(done, "found no brain", code=3)
    assert not (tmp_path / "a.dcm").exists()
    done = sdseg("segment", series, "-o", tmp_path / "a.nii.gz", "--weights", tmp_path / "blind")
    assert done.returncode == 0
    assert "found no brain" in done.stderr
    assert not np.asarray(nib.load(tmp_path / "a.nii.gz").dataobj).any()


def test_an_output_is_not_overwritten_unasked(series: Path, weights: Path, tmp_path: Path) -> None:
    target = tmp_path / "a.nii.gz"
    target.write_text("precious")
    done = sdseg("segment", series, "-o", target, "--weights", weights)
    assert_one_line(done, "exists already", "--force")
    assert target.read_text() == "precious"
    assert sdseg("segment", series, "-o", target, "--weights", weights, "--force").returncode == 0


def break_missing_slice(folder: Path) -> str:
    sorted(folder.rglob("*.dcm"))[2].unlink()
    return "missing"


def break_single_slice(folder: Path) -> str:
    for path in sorted(folder.rglob("*.dcm"))[1:]:
        path.unlink()
    return "slice"


def break_truncated(folder: Path) -> str:
    path = sorted(folder.rglob("*.dcm"))[2]
    path.write_bytes(path.read_bytes()[:-200])
    return path.name


def break_no_dicom(folder: Path) -> str:
    for path in folder.rglob("*.dcm"):
        path.write_text("no image")
    return str(folder)


@pytest.mark.parametrize("damage", [break_missing_slice, break_single_slice, break_truncated, break_no_dicom])
def test_bad_series(damage, series: Path, weights: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    word = damage(series)
    done = sdseg("segment", series, "-o", tmp_path / "out", "--weights", weights)
    assert_one_line(done, word)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("segment", "nowhere", "-o", "out"), "nowhere"),
        (("segment", ".", "-o", "out", "--weights", "nowhere"), "nowhere"),
        (("train", "-c", "nowhere.yaml", "-o", "out"), "nowhere.yaml"),
        (("evaluate", "nowhere", "mask.nii.gz"), "nowhere"),
        (("serve", "--studies", "nowhere"), "nowhere"),
        (("serve", "--conf", "weights"), "key=value"),
        (("segment", ".", "-o", "out", "--device", "cuda:77"), "cuda:77"),
        (("segment", ".", "-o", "out", "--device", "abacus"), "abacus"),
        (("segment", ".", "-o", "out.xyz"), "out.xyz"),
    ],
)
def test_wrong_paths(arguments: tuple[str, ...], word: str, tmp_path: Path) -> None:
    done = run_program("sdseg.cli.main", *arguments, cwd=tmp_path)
    assert_one_line(done, word)
    assert list(tmp_path.iterdir()) == []


def test_reference_of_another_shape(series: Path, weights: Path, tmp_path: Path) -> None:
    nib.save(nib.Nifti1Image(np.ones((5, 5, 5), np.uint8), np.eye(4)), tmp_path / "mask.nii.gz")
    assert_one_line(sdseg("evaluate", series, tmp_path / "mask.nii.gz", "--weights", weights), "mask.nii.gz")


@pytest.mark.parametrize("command", ["segment", "train", "evaluate", "serve", "demo"])
def test_help_teaches(command: str) -> None:
    done = sdseg(command, "--help", COLUMNS="200")
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) > 8


def test_import_is_light() -> None:
    code = "import sys, sdseg, sdseg.cli.main; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
