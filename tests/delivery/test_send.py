"""The `sdseg send` command, as a user calls it."""

from pathlib import Path

import pydicom
import pytest
import typer
from delivery.web_pacs import Answer, WebPacs
from typer.testing import CliRunner

from sdseg.cli.send import send
from sdseg.delivery import retry
from sdseg.errors import InputError, SetupError

app = typer.Typer()
app.command()(send)


def run(*arguments: object) -> tuple[int, str, str]:
    """Exit code, standard output and standard error; a user's mistake is raised, as `sdseg` itself catches it."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry.Retries, "pause", lambda *_: 0.0)


def test_files_and_folders_are_sent_once_and_counted(pacs: WebPacs, files: list[Path], tmp_path: Path) -> None:
    (tmp_path / "series" / "notes.txt").write_text("no DICOM")
    assert run(files[0], "--to", pacs.url) == (0, "sent=1 already_there=0 failed=0\n", "")
    code, out, _ = run(tmp_path / "series", files[1], "--to", pacs.url)
    assert (code, out) == (0, "sent=2 already_there=1 failed=0\n")
    assert len(pacs.kept) == 3


def test_each_failure_is_one_line_and_the_exit_code_one(pacs: WebPacs, files: list[Path], tmp_path: Path) -> None:
    files[0].write_bytes(files[0].read_bytes()[:-30])
    pacs.stores.extend([Answer(413)])
    code, out, err = run(tmp_path / "series", "--to", pacs.url)
    assert (code, out) == (1, "sent=1 already_there=0 failed=2\n")
    lines = [line for line in err.splitlines() if line.startswith("sdseg: ")]
    assert [line.split(": ")[1] for line in lines] == [str(files[0]), str(files[1])]
    assert "truncated" in lines[0] and "too large" in lines[1]


def test_a_server_that_comes_back_gets_everything(pacs: WebPacs, files: list[Path], tmp_path: Path) -> None:
    pacs.roots.append(Answer(503))
    pacs.stores.extend([Answer(503), Answer(reset=True)])
    assert run(tmp_path / "series", "--to", pacs.url, "--retry", 2)[:2] == (0, "sent=3 already_there=0 failed=0\n")


def test_one_that_does_not_is_tried_but_once_for_each_of_the_others(
    pacs: WebPacs, files: list[Path], tmp_path: Path
) -> None:
    pacs.stores.extend([Answer(503)] * 5)
    code, out, _ = run(tmp_path / "series", "--to", pacs.url, "--retry", 2)
    assert (code, out) == (1, "sent=0 already_there=0 failed=3\n")
    assert not pacs.stores, "three attempts for the first, one for each of the others"


def test_wrong_credentials_end_it_at_once(pacs: WebPacs, files: list[Path], tmp_path: Path) -> None:
    pacs.roots.append(Answer(401))
    with pytest.raises(SetupError, match="check SDSEG_DICOMWEB_"):
        run(tmp_path / "series", "--to", pacs.url)
    assert not pacs.requests("POST")


def test_the_login_comes_from_the_environment(pacs: WebPacs, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SDSEG_DICOMWEB_TOKEN", "abc")
    run(file, "--to", pacs.url)
    assert {headers["Authorization"] for _, _, headers, _ in pacs.seen} == {"Bearer abc"}


def test_a_warning_is_told(pacs: WebPacs, file: Path) -> None:
    uid = str(pydicom.dcmread(file).SOPInstanceUID)
    body = b'{"00081199": {"Value": [{"00081155": {"Value": ["%b"]}, "00081196": {"Value": [45056]}}]}}' % uid.encode()
    pacs.stores.append(Answer(202, body, keep=True))
    code, out, err = run(file, "--to", pacs.url)
    assert (code, out) == (0, "sent=1 already_there=0 failed=0\n")
    assert err == f"sdseg: {file}: stored, but it changed data elements, B000H.\n"


def test_a_folder_is_a_destination_too(files: list[Path], tmp_path: Path) -> None:
    (tmp_path / "archive").mkdir()
    assert run(*files, "--to", tmp_path / "archive")[1] == "sent=3 already_there=0 failed=0\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["gone.dcm", "--to", "x"], "gone.dcm does not exist"),
        ([".", "--to", "x", "--confirm", "commitment"], "holds no DICOM file"),
        (["FILE", "--to", "dicom://A@h:1?calling=B", "--calling", "C"], "given twice"),
        (["FILE", "--to", "dicom://A@h:1", "--confirm", "qido"], "only with a DICOMweb address"),
        (["FILE", "--to", "http://h/", "--confirm", "commitment"], "no storage commitment"),
    ],
)
def test_a_mistake_is_one_sentence(
    arguments: list[str], words: str, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    with pytest.raises(InputError, match=words):
        run(*(str(file) if argument == "FILE" else argument for argument in arguments))
