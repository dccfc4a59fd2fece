"""What is committed belongs to the project, and its texts hold nothing that is true of one machine only."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXTS = ["*.md", "*.py", "*.toml", "*.txt", "*.yaml", "*.yml", "*.cfg", "*.sh", "Makefile", ".ci/*"]

# Source and texts, pictures, sample data and weights; without suffix, what tools look for by name.
KINDS = {
    *(".py", ".md", ".js", ".mjs", ".css", ".html", ".sh", ".json", ".jsonl", ".yaml", ".toml", ".txt", ".csv"),
    *(".png", ".svg", ".dcm", ".gz", ".safetensors"),
    *("run", "Makefile", "LICENSE", "SHA256SUMS", ".gitignore", ".gitattributes", ".editorconfig"),
}

MACHINE_PATH = re.compile(r"(?<![\w.])/(?:work|root|tmp|farm)/[A-Za-z.]")
# Of a registry, a mirror or a download server; the projects' own pages are fine.
HOST = re.compile(
    r"https?://[\w.-]*(?:pypi|pythonhosted|npmjs|registry|mirror|deb\.debian|conda|download\.pytorch)",
    re.IGNORECASE,
)


def tracked(*patterns: str) -> list[Path]:
    result = subprocess.run(
        ["git", "ls-files", "-z", "--", *patterns], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if result.returncode:
        pytest.skip("not a git working tree")
    return [ROOT / name for name in result.stdout.split("\0") if name and (ROOT / name).is_file()]


@pytest.mark.parametrize("pattern", [MACHINE_PATH, HOST], ids=["machine path", "registry host"])
def test_no_text_names_a(pattern: re.Pattern[str]) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in tracked(*TEXTS)
        if path != Path(__file__)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if pattern.search(line)
    ]
    assert found == []


def test_nothing_is_committed_by_mistake() -> None:
    assert [str(path.relative_to(ROOT)) for path in tracked() if not {path.suffix, path.name} & KINDS] == []
