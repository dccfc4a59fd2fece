"""The audit log: who did what to which image, when, with what outcome; and nothing of a patient."""

import hashlib
import json
import os
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
from security.conftest import Start

from sdseg.errors import InputError
from sdseg_app.security.audit_entry import shown_id
from sdseg_app.security.audit_file import AuditFile

UID = "1.2.840.113619.2.55.3"
FRAME = f"/dicom-web/studies/{UID}.1/series/{UID}.2/instances/{UID}.3/frames"


def test_an_entry_says_who_what_when_and_how_it_ended(start: Start, tokens: dict[str, str], token_file: Path) -> None:
    server = start(tokens=token_file)
    server.ask("GET", f"/datastore/?image={UID}&PatientName=Doe&tag=final&x=secret", tokens["reader"])
    (entry,) = server.entries()
    assert abs((datetime.now(UTC) - datetime.fromisoformat(entry.pop("time"))).total_seconds()) < 60
    assert entry == {
        "user": "the-reader",
        "role": "reader",
        "client": "127.0.0.1",
        "method": "GET",
        "route": "/datastore/",
        "status": 200,
        "image": UID,
        "tag": "final",
    }


def test_what_fails_is_told_and_never_the_token(start: Start, tokens: dict[str, str], token_file: Path) -> None:
    server = start(tokens=token_file)
    server.ask("GET", "/datastore/", "sdseg_guess")
    server.ask("POST", "/login", data={"token": "sdseg_guess"})
    server.ask("POST", "/login", data={"token": tokens["reader"]})
    server.ask("DELETE", "/train/", tokens["reader"])
    server.ask("GET", "/datastore/", tokens["reader"], headers={"Host": "evil.example"})
    told = [(line["user"], line["method"], line["route"], line["status"]) for line in server.entries()]
    assert told == [
        (None, "GET", None, 401),
        (None, "POST", "/login", 401),
        ("the-reader", "POST", "/login", 303),
        ("the-reader", "DELETE", "/train/", 403),
        (None, "GET", None, 400),
    ]
    assert "guess" not in server.audit.read_text()
    assert tokens["reader"] not in server.audit.read_text()


def test_a_series_is_one_line_however_many_frames(start: Start) -> None:
    server = start()
    for number in range(1, 6):
        server.ask("GET", f"{FRAME}/{number}")
    server.ask("GET", f"{FRAME}/1".replace(f"{UID}.2", f"{UID}.9"))
    server.ask("GET", f"{FRAME}/not-a-number")
    entries = server.entries()
    assert [(line["series"], line["status"]) for line in entries] == [
        (f"{UID}.2", 200),
        (f"{UID}.9", 200),
        (f"{UID}.2", 422),
    ]
    assert entries[0]["study"] == f"{UID}.1"


def test_what_shows_no_patient_is_not_told(start: Start) -> None:
    server = start()
    for path in ("/ohif/index.html", "/auth/", "/login"):
        server.ask("GET", path)
    assert server.audit.read_text() == ""


@pytest.mark.parametrize(
    "value", ['Doe^John"\n{"user": "admin"}', "Doe\r\nfake", "\u2028", "Doe^Jane", "\x1b[31m", "a" * 5000, "1.2.3\n"]
)
def test_nothing_can_be_written_into_the_log(start: Start, value: str) -> None:
    server = start()
    server.ask("GET", "/datastore/", params={"image": value, "tag": value})
    (line,) = server.audit.read_text().splitlines()
    entry = json.loads(line)
    assert entry["image"] == f"sha256:{hashlib.sha256(value.encode()).hexdigest()[:16]}"
    assert "tag" not in entry
    assert "Doe" not in line


@pytest.mark.parametrize("uid", ["1.2", "2.25.329800735698586629295641978511506172918"])
def test_a_uid_is_shown(uid: str) -> None:
    assert shown_id(uid) == uid


@pytest.mark.parametrize("value", ["patient", "1.", "1.02", "3.1", "1." + "1" * 70, "٣.١", ""])
def test_what_is_no_uid_is_not_shown(value: str) -> None:
    assert shown_id(value).startswith("sha256:")


def test_the_file_is_private_and_only_grows(tmp_path: Path) -> None:
    path = tmp_path / "logs" / "audit.jsonl"
    AuditFile(path).write({"n": 1})
    os.chmod(path, 0o644)
    AuditFile(path).write({"n": 2})
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_text() == '{"n": 1}\n{"n": 2}\n'


def test_a_file_that_was_moved_away_is_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    file = AuditFile(path)
    file.write({"n": 1})
    path.rename(tmp_path / "audit.jsonl.1")
    file.write({"n": 2})
    assert path.read_text() == '{"n": 2}\n'
    assert path.stat().st_mode & 0o777 == 0o600


def test_lines_of_many_threads_do_not_mix(tmp_path: Path) -> None:
    file = AuditFile(tmp_path / "audit.jsonl")
    threads = [threading.Thread(target=lambda: [file.write({"text": "x" * 500}) for _ in range(100)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = (tmp_path / "audit.jsonl").read_text().splitlines()
    assert [json.loads(line)["text"] for line in lines] == ["x" * 500] * 400


def test_a_link_in_its_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "audit.jsonl").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InputError, match="audit_log"):
        AuditFile(tmp_path / "audit.jsonl")
    assert not (tmp_path / "elsewhere").exists()
