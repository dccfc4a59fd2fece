"""Hostile commands: one line that names what is wrong and says what to do, exit code 1, no traceback, nothing written.

In this process, through the entry point: the same lines as a terminal shows, without the seconds of a start.
"""

import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from sdseg.cli.main import main

SAMPLE = Path(__file__).resolve().parents[2] / "sample-data"
DICOM, REFERENCE = str(SAMPLE / "dicom"), str(SAMPLE / "reference" / "S1_brain.nii.gz")
SMALL, RIVAL = str(SAMPLE / "weights" / "brain-small"), str(SAMPLE / "weights" / "brain-unet")
NOBODY = "127.0.0.1:9"  # the discard port, where nothing answers
SEGMENT = ("segment", DICOM, "-o", "out.dcm")
BATCH = ("batch", DICOM, "-o", "out")
DISTILL = ("-o", "out", "--data", DICOM)


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SDSEG_DEBUG", "1")  # the command must not quieten the libraries of the other tests
    monkeypatch.chdir(tmp_path)


def refusal(command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    """The one line, white space joined: the console wraps what stands before it, never the line itself."""
    monkeypatch.setattr(sys, "argv", ["sdseg", *command])
    with pytest.raises(SystemExit) as ended:
        main()
    told = capsys.readouterr().err
    assert ended.value.code == 1, told
    (line,) = (line for line in told.splitlines() if line.startswith("sdseg: "))
    assert told.rstrip().endswith(line) and "Traceback" not in told, told
    return line


@pytest.mark.parametrize(
    ("command", "bad", "remedy"),
    [
        (("batch",), "Nothing to segment is named", "give a folder, a list file or --studies"),
        (("batch", "nowhere", "-o", "out"), "nowhere does not exist", "give the folder of an archive"),
        (("batch", "nowhere"), "nowhere does not exist", "give the folder of an archive"),
        (("batch", f"http://{NOBODY}", "-o", "out"), f"http://{NOBODY}", "check the address"),
        (("batch", DICOM, "-o", "/proc/x"), "/proc/x", "choose another folder"),
        ((*BATCH, "--engine", "warp"), "--engine warp", "use local or ray"),
        ((*BATCH, "--address", NOBODY), f"--address {NOBODY}", "add --engine ray"),
        ((*SEGMENT, "--engine", "warp"), "'warp'", "choose one of: auto, plain"),
        ((*SEGMENT, "--weights", SMALL, "--encoder", "half"), "no encoder 'half'", "choose one of: full, lite"),
        ((*SEGMENT, "--engine", "torch-cuda-graphs"), "torch-cuda-graphs runs on cuda", "one of: plain, torch-fp32"),
        (("distill", "nowhere", *DISTILL), "nowhere is not a weights folder", "made by 'sdseg train'"),
        (("distill", RIVAL, *DISTILL), "brain-unet are of the kind 'basic_unet'", "give SDSeg's own"),
        (("distill", SMALL, "-o", "out", "--data", "nowhere"), "'nowhere'", "give a folder of images, a YAML file"),
        (("bench", "--preset", "huge", "-o", "out"), "'huge'", "choose one of: sd"),
        (("bench", "--engines", "warp", "-o", "out"), "'warp'", "choose one of: plain"),
        (("evaluate", DICOM, REFERENCE, "--decoder", "tiny"), "'tiny'", "choose one of: full, lite"),
    ],
    ids=lambda value: " ".join(value).replace(str(SAMPLE), "sample")[:60] if isinstance(value, tuple) else "",
)
def test_one_line_names_the_value_and_the_remedy(
    command: tuple[str, ...],
    bad: str,
    remedy: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    line = refusal(command, monkeypatch, capsys)
    assert bad in line and remedy in line, line
    assert not list(Path.cwd().rglob("*.dcm")) and not list(Path.cwd().rglob("*.safetensors"))


@pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed: requirements-cluster.txt.")
def test_a_cluster_that_is_not_there(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    line = refusal((*BATCH, "--engine", "ray", "--address", NOBODY), monkeypatch, capsys)
    assert NOBODY in line and "ray start --head" in line


@pytest.mark.parametrize("command", [("distill", "nowhere"), ("batch", DICOM, "--workers", "0")])
def test_usage_is_told_with_the_option(
    command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What typer itself finds has its form: the option in a box, exit code 2."""
    monkeypatch.setattr(sys, "argv", ["sdseg", *command])
    with pytest.raises(SystemExit) as ended:
        main()
    told = capsys.readouterr().err
    assert ended.value.code == 2 and "Traceback" not in told
    assert "--help" in told and ("--output" in told or "--data" in told or "--workers" in told)
