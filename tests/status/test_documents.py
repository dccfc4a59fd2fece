"""What the documents for users promise: links that lead somewhere, sentences that exist, a reference that is fresh."""

import ast
import re
import runpy
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([*(ROOT / "docs").glob("*.md"), *ROOT.glob("*.md")])
LINK = re.compile(r"\]\(([^)\s]+)\)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_relative_link_resolves(page: Path) -> None:
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    broken = []
    for link in LINK.findall(text):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, part = link.partition("#")
        target = page.parent / name if name else page
        if not target.exists() or (part and target.suffix == ".md" and part not in anchors(target)):
            broken.append(link)
    assert broken == []


@cache
def anchors(page: Path) -> set[str]:
    """Of the headings, as GitHub and GitLab make them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), flags=re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def quoted_sentences() -> list[str]:
    """What stands in backticks in the first column of troubleshooting.md."""
    rows = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8").splitlines()
    firsts = [row.split("|")[1] for row in rows if row.startswith("| ") and not row.startswith("| symptom")]
    return [text for first in firsts for text in re.findall(r"`([^`]+)`", first) if " " in text]


@cache
def told_sentences() -> tuple[str, ...]:
    """Every text in the source, with … for what is filled in."""
    return tuple(
        text
        for folder in ("lib/sdseg", "sdseg_app")
        for path in sorted((ROOT / folder).rglob("*.py"))
        for text in texts(ast.parse(path.read_text(encoding="utf-8")))
    )


def texts(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.JoinedStr):
            yield "".join(part.value if isinstance(part, ast.Constant) else "…" for part in node.values)


@pytest.mark.parametrize("sentence", quoted_sentences())
def test_troubleshooting_quotes_what_the_software_says(sentence: str) -> None:
    pattern = re.compile(".*".join(re.escape(part) for part in re.split(r"\s*…\s*", sentence)), re.S)
    assert any(pattern.search(told) for told in told_sentences()), "no message of the source says this"


def test_the_configuration_reference_is_fresh() -> None:
    script = ROOT / "scripts" / "configuration_reference.py"
    reference = runpy.run_path(str(script))["reference"]()
    kept = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    assert kept == reference, f"run python scripts/{script.name}"
