"""Patients are divided once and for ever, whoever asks, how often, and how many at once."""

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from sdseg.corrections.division import JUDGE, TRAIN, Division
from sdseg.corrections.patients import digest_of_patient
from sdseg.errors import InputError

PEOPLE = [digest_of_patient(f"patient {number}") for number in range(40)]


@pytest.fixture
def division(tmp_path: Path) -> Division:
    return Division(tmp_path / "division.db")


def judges(division: Division) -> int:
    return list(division.sides().values()).count(JUDGE)


def test_the_first_trains_the_second_judges_then_the_fraction(division: Division) -> None:
    sides = division.assign(PEOPLE[:20], 0.2)
    assert [n for n, one in enumerate(PEOPLE[:20]) if sides[one] == JUDGE] == [1, 9, 14, 19]


@pytest.mark.parametrize("step", [1, 3, 40])
def test_how_many_come_at_once_makes_no_difference(tmp_path: Path, step: int) -> None:
    division = Division(tmp_path / "division.db")
    for start in range(0, 40, step):
        division.assign(PEOPLE[: start + step], 0.3)
    whole = Division(tmp_path / "whole.db")
    assert division.sides() == whole.assign(PEOPLE, 0.3)
    assert judges(division) == 12


def test_nobody_is_ever_moved(division: Division) -> None:
    before = division.assign(PEOPLE[:5], 0.2)
    assert division.assign(reversed(PEOPLE[:5]), 0.9) == before
    later = division.assign([*PEOPLE[20:], *PEOPLE[:5]], 0.9)
    assert {one: later[one] for one in before} == before
    assert division.settle(PEOPLE[:5], JUDGE) == before


def test_a_fraction_of_zero_lets_nobody_judge_and_others_are_refused(division: Division) -> None:
    assert set(division.assign(PEOPLE[:9], 0.0).values()) == {TRAIN}
    for wrong in (-0.1, 1.0, float("nan")):
        with pytest.raises(InputError):
            division.assign(PEOPLE, wrong)


def test_patients_of_added_data_do_not_count(division: Division) -> None:
    assert set(division.settle(PEOPLE[30:], JUDGE).values()) == {JUDGE}
    sides = division.assign(PEOPLE[:3], 0.2)
    assert [sides[one] for one in PEOPLE[:3]] == [TRAIN, JUDGE, TRAIN]
    assert division.assign(PEOPLE[30:31], 0.2) == {PEOPLE[30]: JUDGE}


def test_processes_that_ask_at_once_agree(tmp_path: Path) -> None:
    """Real ones, each with the patients in another order."""
    path = tmp_path / "division.db"
    code = (
        "import sys, json; from pathlib import Path; from sdseg.corrections.division import Division\n"
        "people = sys.argv[2:]\n"
        "print(json.dumps(Division(Path(sys.argv[1])).assign(people, 0.25), sort_keys=True))"
    )
    orders = [PEOPLE, PEOPLE[::-1], PEOPLE[20:] + PEOPLE[:20]]
    running = [
        subprocess.Popen([sys.executable, "-c", code, str(path), *order], stdout=subprocess.PIPE) for order in orders
    ]
    answers = {process.communicate(timeout=60)[0] for process in running}
    assert len(answers) == 1 and all(process.returncode == 0 for process in running)
    assert judges(Division(path)) == 10


def test_only_a_sha256_of_the_identifier_is_kept(tmp_path: Path) -> None:
    digest = digest_of_patient(" MRN-4711 ")
    assert digest == hashlib.sha256(b"MRN-4711").hexdigest()
    Division(tmp_path / "division.db").assign([digest], 0.2)
    content = (tmp_path / "division.db").read_bytes()
    assert digest.encode() in content and b"4711" not in content.replace(digest.encode(), b"")
