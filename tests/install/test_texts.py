"""Committed text files hold nothing that is true of one machine only."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXTS = ["*.md", "*.py", "*.toml", "*.txt", "*.yaml", "*.yml", "*.cfg", "*.sh", "Makefile", ".ci/*"]

MACHINE_PATH = re.compile(r"(?<![\w.])/(?:work|root|tmp|farm)/[A-Za-z.]")
# Of a registry, a mirror or a download server; the projects' own pages are fine.
HOST = re.compile(
    r"https?://[\w.-]*(?:pypi|pythonhosted|npmjs|registry|mirror|deb\.debian|conda|download\.pytorch)",
    re.IGNORECASE,
)


def tracked() -> list[Path]:
    result = subprocess.run(
        ["git", "ls-files", "-z", "--", *TEXTS], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if result.returncode:
        pytest.skip("not a git working tree")
    return [ROOT / name for name in result.stdout.split("\0") if name and (ROOT / name).is_file()]


@pytest.mark.parametrize("pattern", [MACHINE_PATH, HOST], ids=["machine path", "registry host"])
def test_no_text_names_a(pattern: re.Pattern[str]) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in tracked()
        if path != Path(__file__)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if pattern.search(line)
    ]
    assert found == []
