"""What is built and installed: nothing missing, and `import sdseg` costs nothing."""

import email
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
SOURCES = {
    "sdseg": ROOT / "lib/sdseg",
    "pydicom_seg": ROOT / "lib/pydicom_seg",
    "sdseg_app": ROOT / "sdseg_app",
}
PACKED = ["lib", "sdseg_app", "requirements.txt", "pyproject.toml", "README.md", "LICENSE"]
MADE_BY_THE_SERVER = {"model", "logs", "bin", "lib"}
DATA = {".json", ".toml", ".yaml", ".csv"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy of what git tracks or could track: the working tree stays clean."""
    copy = tmp_path_factory.mktemp("source")
    names = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *PACKED],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if names.returncode:
        pytest.skip("not a git working tree")
    for name in filter(None, names.stdout.split("\0")):
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            (copy / name).write_bytes((ROOT / name).read_bytes())
    out = tmp_path_factory.mktemp("wheel")
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        out,
        copy,
    ]
    subprocess.run(command, check=True, capture_output=True)
    [path] = out.glob("sdseg-*.whl")
    return path


def test_the_wheel_holds_every_module_and_data_file(wheel: Path) -> None:
    expected = {
        f"{package}/{path.relative_to(folder).as_posix()}"
        for package, folder in SOURCES.items()
        for path in folder.rglob("*")
        if path.suffix == ".py" or (package == "sdseg" and path.suffix in DATA)
        if not MADE_BY_THE_SERVER & set(path.relative_to(folder).parts[:1]) or package != "sdseg_app"
    }
    packed = set(zipfile.ZipFile(wheel).namelist())
    assert expected - packed == set()


def test_the_wheel_holds_nothing_else(wheel: Path) -> None:
    tops = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == set(SOURCES)


def test_the_wheel_carries_the_licence(wheel: Path) -> None:
    assert [name for name in zipfile.ZipFile(wheel).namelist() if name.endswith("licenses/LICENSE")]


def test_the_wheel_asks_for_what_requirements_txt_names(wheel: Path) -> None:
    """A plain `pip install .` gets the same versions, never a torch or numpy of its own choice."""
    [name] = [name for name in zipfile.ZipFile(wheel).namelist() if name.endswith(".dist-info/METADATA")]
    metadata = email.message_from_bytes(zipfile.ZipFile(wheel).read(name))
    asked = sorted(str(Requirement(text)) for text in metadata.get_all("Requires-Dist", []))
    listed = [line.split(" #")[0] for line in (ROOT / "requirements.txt").read_text().splitlines()]
    assert asked == sorted(str(Requirement(line)) for line in listed if line and not line.startswith("#"))


@pytest.mark.parametrize("module", ["sdseg", "sdseg.errors"])
def test_importing_the_package_does_not_load_torch(module: str) -> None:
    heavy = "{'torch', 'monai', 'diffusers', 'highdicom', 'monailabel'}"
    code = f"import sys, {module}; print(*sorted({heavy} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.split() == []
