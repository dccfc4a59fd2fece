"""The requirement files: pinned, explained, in step with each other and with what is imported."""

import ast
import importlib.metadata
import re
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
OPTIONAL = ("requirements-engines.txt", "requirements-learning.txt")
FILES = ["requirements.txt", "requirements-dev.txt", "requirements-monailabel.txt", *OPTIONAL, "constraints.txt"]

# What monailabel 0.8.5 asks for and does without: docs/install.md says why for each.
LEFT_OUT = {
    "bcrypt", "expiringdict", "httpx", "ninja", "numpymaxflow",
    "pydicom-seg", "sam2", "scikit-learn", "shapely",
}  # fmt: skip


def lines(name: str) -> list[str]:
    return [line for line in (ROOT / name).read_text().splitlines() if line and not line.startswith("#")]


def pins(name: str) -> dict[str, str]:
    """Canonical name -> version."""
    found = {}
    for line in lines(name):
        requirement = Requirement(line.split(" #")[0])
        [specifier] = requirement.specifier
        found[canonicalize_name(requirement.name)] = specifier.version
    return found


def imported(folder: Path) -> set[str]:
    """Top-level modules imported anywhere below a folder, also inside functions."""
    found = set()
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                found.add(node.module.split(".")[0])
    return found


@pytest.mark.parametrize("name", FILES)
def test_every_version_is_exact(name: str) -> None:
    for line in lines(name):
        assert re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][A-Za-z0-9.]*", line.split(" #")[0].rstrip()), line


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-monailabel.txt", *OPTIONAL])
def test_every_runtime_requirement_says_why(name: str) -> None:
    assert [line for line in lines(name) if " # " not in line] == []


def test_constraints_hold_every_direct_version() -> None:
    everything = pins("constraints.txt")
    for name in FILES[:-1]:
        assert {key: everything.get(key) for key in pins(name)} == pins(name), name


def test_constraints_leave_the_cuda_packages_to_torch() -> None:
    assert [name for name in pins("constraints.txt") if re.match("nvidia|cuda|triton", name)] == []


def test_what_we_import_is_a_direct_requirement() -> None:
    ours = {"sdseg", "sdseg_app", "pydicom_seg"}
    modules = imported(ROOT / "lib") | imported(ROOT / "sdseg_app")
    distributions = importlib.metadata.packages_distributions()
    direct = {name for file in ("requirements.txt", "requirements-monailabel.txt", *OPTIONAL) for name in pins(file)}
    undeclared = [
        module
        for module in sorted(modules - ours - set(sys.stdlib_module_names))
        if not direct & {canonicalize_name(name) for name in distributions.get(module, [])}
    ]
    assert undeclared == []


def test_the_only_broken_requirements_are_those_monailabel_does_without() -> None:
    result = subprocess.run([sys.executable, "-m", "pip", "check"], capture_output=True, text=True, check=False)
    complaints = [line for line in result.stdout.splitlines() if not line.startswith("No broken")]
    missing = {
        match[1] for line in complaints if (match := re.match(r"monailabel 0\.8\.5 requires (\S+), which is not", line))
    }
    assert missing <= LEFT_OUT
    assert len(complaints) == len(missing), complaints
