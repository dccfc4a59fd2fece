"""`make` and scripts/venv.sh, against a Python that only notes what it is asked."""

import os
import re
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TARGETS = ["demo", "serve", "test", "lint", "venv", "clean", "help"]

# Answers as much of Python as scripts/venv.sh needs. Reads what it pretends from files beside itself.
FAKE_PYTHON = """#!/usr/bin/env bash
here=$(cd "$(dirname "$0")" && pwd)
case "$*" in
*version_info*) cat "$here/version" ;;
*"import ensurepip"*) test ! -e "$here/no-ensurepip" ;;
*"-m venv"*) for folder; do :; done
    mkdir -p "$folder/bin" && cp "$0" "$here/version" "$folder/bin/"; touch "$folder/pyvenv.cfg" ;;
*"-m pip"*) echo "$*" >>"$here/asked"; test ! -e "$here/pip-fails" ;;
esac
"""


def make(*arguments: str, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """In an environment without our settings: these tests are themselves run by make, with options."""
    kept = {"PATH": os.environ["PATH"], "LC_ALL": "C"}
    command = ["make", "--no-print-directory", *arguments]
    return subprocess.run(command, cwd=folder, env=kept, capture_output=True, text=True, check=False)


class Checkout:
    """A copy of the files make needs, a fake `python`, and an environment without our settings."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ["Makefile", "pyproject.toml", "constraints.txt", "scripts"]:
            source = ROOT / name
            (shutil.copytree if source.is_dir() else shutil.copy)(source, folder / name)
        for source in ROOT.glob("requirements*.txt"):
            shutil.copy(source, folder)
        for name in ["lib", "sdseg_app", "tests"]:
            (folder / name).mkdir()
        self.python = folder / "fake" / "python"
        self.python.parent.mkdir()
        self.python.write_text(FAKE_PYTHON)
        self.python.chmod(self.python.stat().st_mode | stat.S_IXUSR)
        self.pretend("3.11.2")

    def pretend(self, version: str) -> None:
        (self.python.parent / "version").write_text(version + "\n")

    def make(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return make(*arguments, folder=self.folder)

    def asked(self) -> list[str]:
        """What pip was asked since the last time."""
        log = self.folder / ".venv" / "bin" / "asked"
        found = log.read_text().splitlines() if log.exists() else []
        log.unlink(missing_ok=True)
        return found


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


def only_line(result: subprocess.CompletedProcess[str]) -> str:
    """What is said beside make's own line."""
    assert result.returncode != 0
    [line] = [line for line in (result.stdout + result.stderr).splitlines() if not line.startswith("make: ***")]
    return line


@pytest.mark.parametrize("target", TARGETS)
def test_the_target_exists_and_help_lists_it(target: str) -> None:
    assert make("-n", target).returncode == 0
    assert f"make {target} " in make("help").stdout


@pytest.mark.parametrize("text", ["README.md", "CONTRIBUTING.md", "docs/install.md"])
def test_every_make_command_in_the_texts_exists(text: str) -> None:
    named = set(re.findall(r"(?:^|`)make ([a-z-]+)", (ROOT / text).read_text(), re.MULTILINE))
    assert named
    assert [target for target in sorted(named) if make("-n", target).returncode] == []


def test_serve_hands_on_the_studies() -> None:
    for arguments, expected in [((), ""), (("STUDIES=my studies",), '--studies "my studies"')]:
        said = make("-n", "serve", *arguments).stdout
        assert f".venv/bin/sdseg serve {expected}".strip() in [line.strip() for line in said.splitlines()]


@pytest.mark.parametrize("version", ["3.10.13", "3.14.0", "2.7.18", "3.9.2"])
def test_a_python_that_will_not_do_is_told_in_one_line(checkout: Checkout, version: str) -> None:
    checkout.pretend(version)
    said = only_line(checkout.make("venv", f"PYTHON={checkout.python}"))
    assert f"is {version}" in said and "3.11, 3.12 or 3.13" in said and "PYTHON=" in said
    assert not (checkout.folder / ".venv").exists()


def test_a_python_that_is_not_there_is_told_in_one_line(checkout: Checkout) -> None:
    assert "no-such-python was not found" in only_line(checkout.make("venv", "PYTHON=no-such-python"))


def test_missing_python3_venv_is_told_in_one_line(checkout: Checkout) -> None:
    (checkout.python.parent / "no-ensurepip").touch()
    said = only_line(checkout.make("venv", f"PYTHON={checkout.python}"))
    assert "apt install python3.11-venv" in said
    assert not (checkout.folder / ".venv").exists()


def test_installs_once_and_again_when_a_requirement_changed(checkout: Checkout) -> None:
    arguments = ("venv", f"PYTHON={checkout.python}")
    assert checkout.make(*arguments).returncode == 0
    assert any("-r requirements.txt" in line for line in checkout.asked())
    assert checkout.make(*arguments).returncode == 0
    assert checkout.asked() == []

    # New times alone, as after a checkout, change nothing.
    (checkout.folder / "requirements.txt").touch()
    assert checkout.make(*arguments).returncode == 0
    assert checkout.asked() == []

    with (checkout.folder / "requirements.txt").open("a") as file:
        file.write("another==1.0\n")
    assert checkout.make(*arguments).returncode == 0
    assert any("-r requirements.txt" in line for line in checkout.asked())


def test_an_install_that_failed_is_tried_again(checkout: Checkout) -> None:
    arguments = ("venv", f"PYTHON={checkout.python}")
    assert checkout.make(*arguments).returncode == 0
    (checkout.folder / ".venv" / ".runtime").unlink()
    (checkout.folder / ".venv" / "bin" / "pip-fails").touch()
    assert checkout.make(*arguments).returncode != 0
    (checkout.folder / ".venv" / "bin" / "pip-fails").unlink()
    checkout.asked()
    assert checkout.make(*arguments).returncode == 0
    assert any("-r requirements.txt" in line for line in checkout.asked())


def test_only_monailabel_goes_without_its_dependencies(checkout: Checkout) -> None:
    assert checkout.make("venv", f"PYTHON={checkout.python}").returncode == 0
    asked = checkout.asked()
    [bare] = [line for line in asked if "--no-deps" in line and "--editable" not in line]
    assert bare.endswith("-r requirements-monailabel.txt")
    [full] = [line for line in asked if line.endswith("-r requirements.txt")]
    assert "--no-deps" not in full and "--constraint constraints.txt" in full


def test_a_cpu_build_is_one_variable_away(checkout: Checkout) -> None:
    assert checkout.make("venv", f"PYTHON={checkout.python}").returncode == 0
    assert not [line for line in checkout.asked() if "index-url" in line]
    assert checkout.make("clean").returncode == 0
    index = "https://example.org/cpu"
    assert checkout.make("venv", f"PYTHON={checkout.python}", f"TORCH_INDEX_URL={index}").returncode == 0
    [line] = [line for line in checkout.asked() if line.endswith("-r requirements.txt")]
    assert f"--extra-index-url {index}" in line


def test_the_tools_of_the_tests_come_only_with_the_tests(checkout: Checkout) -> None:
    assert checkout.make("venv", f"PYTHON={checkout.python}").returncode == 0
    sets = [f"-r requirements-{name}.txt" for name in ("dev", "engines", "learning", "cluster")]
    assert not [line for line in checkout.asked() if any(one in line for one in sets)]
    assert checkout.make("venv-dev", f"PYTHON={checkout.python}").returncode == 0
    [asked] = checkout.asked()
    assert asked.endswith(" ".join(sets))


def test_an_environment_of_another_python_is_not_silently_used(checkout: Checkout) -> None:
    assert checkout.make("venv", f"PYTHON={checkout.python}").returncode == 0
    checkout.pretend("3.12.1")
    said = only_line(checkout.make("venv", f"PYTHON={checkout.python}"))
    assert "has Python 3.11.2, not 3.12.1" in said and "make clean" in said


def test_clean_removes_an_environment_but_no_other_folder(checkout: Checkout) -> None:
    assert checkout.make("venv", f"PYTHON={checkout.python}").returncode == 0
    (checkout.folder / "precious").mkdir()
    assert checkout.make("clean", "VENV=precious").returncode == 0
    assert (checkout.folder / "precious").is_dir()
    assert checkout.make("clean").returncode == 0
    assert not (checkout.folder / ".venv").exists()


def test_ci_runs_the_readmes_test_command_from_scratch() -> None:
    script = (ROOT / ".ci" / "run").read_text()
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    assert "set -euo pipefail" in script
    assert 'rm -rf "$venv"' in script
    assert 'make test VENV="$venv"' in script
