"""Starting with something wrong: one clear line, an exit code, no traceback."""

from pathlib import Path

import pytest
from app.running_server import SAMPLE, free_port, run_until_exit, stock_command


@pytest.mark.parametrize(
    ("conf", "words"),
    [
        (("weights", "{home}/nowhere"), "no weights folder {home}/nowhere; check --conf weights"),
        (("weights", "{home}"), "{home} is not a weights folder"),
        (("models", "sdseg,liver"), "There is no model liver; use --conf models sdseg."),
        (("device", "tpu"), "There is no device 'tpu'"),
    ],
)
def test_wrong_configuration_is_one_line(tmp_path: Path, conf: tuple[str, str], words: str) -> None:
    key, value = conf[0], conf[1].format(home=tmp_path)
    check_refused(SAMPLE, (key, value), words.format(home=tmp_path), tmp_path)


def test_a_folder_without_images_is_one_line(tmp_path: Path, weights: Path) -> None:
    (tmp_path / "papers").mkdir()
    (tmp_path / "papers" / "notes.txt").write_text("hello")
    words = f"The studies folder {tmp_path / 'papers'} holds no DICOM, NIfTI, NRRD, PNG or JPEG image"
    check_refused(tmp_path / "papers", ("weights", str(weights)), words, tmp_path)
    assert [path.name for path in (tmp_path / "papers").iterdir()] == ["notes.txt"], "nothing is written"


def test_a_folder_that_does_not_exist_is_one_line(tmp_path: Path, weights: Path) -> None:
    check_refused(tmp_path / "nowhere", ("weights", str(weights)), "check --studies", tmp_path)


def test_series_of_another_modality_are_told(tmp_path: Path, weights: Path, ct_folder: Path) -> None:
    words = f"The studies folder {ct_folder} holds no series of modality MR"
    output = check_refused(ct_folder, ("weights", str(weights)), words, tmp_path)
    assert "image series there: CT" in output


def test_an_archive_that_does_not_answer_is_one_line(tmp_path: Path, weights: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}/dicom-web"
    check_refused(url, ("weights", str(weights)), f"The archive {url} cannot be reached", tmp_path)


def check_refused(studies: Path | str, conf: tuple[str, ...], words: str, home: Path) -> str:
    settings = ("model_dir", str(home / "model"), *conf)
    ended = run_until_exit(stock_command(studies, *settings, port=free_port()), home)
    output = ended.stdout + ended.stderr
    assert ended.returncode != 0
    assert words in output, output
    assert "Traceback" not in output, output
    assert 'File "' not in output, output
    return output
