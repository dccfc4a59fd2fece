"""`sdseg weights`, as a user types it."""

import resource
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from helpers.golden import Golden
from helpers.models import save_tiny_weights

from sdseg.cli.main import main
from sdseg.model.weights import weights_sha256

SDSEG = Path(sys.executable).with_name("sdseg")
LIMIT = 100_000  # bytes a file may have where a full disk is played; smaller than the tiny U-Net


@dataclass(frozen=True)
class Done:
    """What a command left: exit code and what it said."""

    returncode: int
    stdout: str
    stderr: str


class Command:
    """`sdseg weights ...` in this process: a new one takes seconds to import its libraries."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.monkeypatch, self.capsys = monkeypatch, capsys
        monkeypatch.setenv("SDSEG_DEBUG", "1")  # leaves the warnings of the other tests alone
        monkeypatch.setenv("COLUMNS", "200")

    def __call__(self, *arguments: object) -> Done:
        self.monkeypatch.setattr(sys, "argv", ["sdseg", "weights", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            main()
            raise SystemExit(0)
        said = self.capsys.readouterr()
        return Done(int(left.value.code or 0), said.out, said.err)


@pytest.fixture
def weights(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(monkeypatch, capsys)


def assert_one_line(done: Done | subprocess.CompletedProcess[str], *words: str) -> None:
    assert done.returncode == 1, done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("sdseg: ")]
    assert len(lines) == 1, done.stderr
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in lines[0]


def on_a_full_disk(*arguments: object) -> subprocess.CompletedProcess[str]:
    """`sdseg weights ...` in a process whose files cannot grow over the limit."""
    return subprocess.run(
        [SDSEG, "weights", *map(str, arguments)], capture_output=True, text=True, timeout=300, preexec_fn=full_disk
    )


def full_disk() -> None:
    """In the child: a file that grows over the limit fails to be written, as on a full disk."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT, LIMIT))


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_weights(tmp_path_factory.mktemp("weights") / "tiny")


def test_authors_checkpoint_in_and_told(weights: Command, tmp_path: Path) -> None:
    source = Golden("multiclass9").save(tmp_path / "a.ckpt")
    names = "liver,spleen,stomach,aorta,pancreas,gallbladder,left kidney,right kidney"
    options = ("--labels", names, "--heads", 4, "--window", "CT:-175:250", "--dtype", "fp16")
    done = weights("import", source, "-o", tmp_path / "abdomen", *options)
    assert done.returncode == 0, done.stderr
    assert f"weights={tmp_path / 'abdomen'}" in done.stdout
    told = weights("info", tmp_path / "abdomen").stdout
    assert weights_sha256(tmp_path / "abdomen") in told
    for words in (
        "preset        custom",
        "4 heads",
        "scale factor  0.11475",
        "1 liver, 2 spleen",
        "modalities    CT",
        "F16",
    ):
        assert words in told
    assert '"unet_weights": "EMA"' in told


def test_what_no_tensor_tells_is_told(weights: Command, tmp_path: Path) -> None:
    source = Golden("binary").save(tmp_path / "a.ckpt")
    first = weights("import", source, "-o", tmp_path / "first")
    assert "heads: assumed 8; choose with --heads" in first.stderr
    assert "image_size: assumed 256" in first.stderr
    assert "assumed" not in weights("import", source, "-o", tmp_path / "b", "--heads", 8, "--image-size", 256).stderr
    weights("export", tmp_path / "first", "-o", tmp_path / "b.ckpt")
    assert "assumed" not in weights("import", tmp_path / "b.ckpt", "-o", tmp_path / "c").stderr


@pytest.mark.parametrize("suffix", [".ckpt", ".safetensors"])
def test_out_and_in_again(suffix: str, weights: Command, tiny: Path, tmp_path: Path) -> None:
    assert weights("export", tiny, "-o", tmp_path / f"a{suffix}").returncode == 0
    done = weights("import", tmp_path / f"a{suffix}", "-o", tmp_path / "again")
    assert done.returncode == 0, done.stderr
    first, again = (
        [line for line in weights("info", folder).stdout.splitlines() if line.startswith("  ")]
        for folder in (tiny, tmp_path / "again")
    )
    assert first[:3] == again[:3]


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("nowhere.ckpt", "-o", "out"), "nowhere.ckpt"),
        (("nobody/nothing", "-o", "out"), "hub id"),
        (("a.ckpt", "-o", "out", "--kind", "x"), "--kind"),
        (("a.ckpt", "-o", "out", "--dtype", "int8"), "--dtype"),
        (("a.ckpt", "-o", "out", "--window", "CT"), "--window"),
    ],
)
def test_wrong_options(
    arguments: tuple[str, ...], word: str, weights: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert_one_line(weights("import", *arguments), word)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["export", "info"])
def test_no_weights_folder(command: str, weights: Command, tmp_path: Path) -> None:
    options = ("-o", tmp_path / "a.ckpt") if command == "export" else ()
    assert_one_line(weights(command, tmp_path / "nowhere", *options), "nowhere")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("command", "name"), [("import", "copy"), ("export", "a.ckpt"), ("export", "a.safetensors")])
def test_a_full_disk_in_mid_save_leaves_nothing(command: str, name: str, tiny: Path, tmp_path: Path) -> None:
    done = on_a_full_disk(command, tiny, "-o", tmp_path / name)
    assert_one_line(done, "could not be written", name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["import", "export", "info"])
def test_help_teaches(command: str, weights: Command) -> None:
    done = weights(command, "--help")
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) > 8
