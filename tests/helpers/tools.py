"""Command-line validators that come with the development requirements."""

import json
import subprocess
import sysconfig
from pathlib import Path

import nibabel as nib


def tool(name: str) -> str:
    """Path of a program beside this Python; a missing one makes the test fail, not skip."""
    path = Path(sysconfig.get_path("scripts")) / name
    assert path.exists(), f"{name} is missing: pip install -r requirements-dev.txt"
    return str(path)


def assert_valid(path: Path) -> None:
    """dciodvfy finds no error."""
    result = subprocess.run([tool("dciodvfy"), str(path)], capture_output=True, text=True, check=False)
    assert "Error" not in result.stdout + result.stderr, result.stderr


def dcmqi_counts(path: Path, folder: Path) -> dict[str, int]:
    """Voxels per segment label, as Slicer's reader sees them."""
    command = [tool("segimage2itkimage"), "--inputDICOM", str(path), "--outputDirectory", str(folder)]
    subprocess.run([*command, "--outputType", "nii"], check=True, capture_output=True)
    described = json.loads((folder / "meta.json").read_text())["segmentAttributes"]
    names = {item["labelID"]: item["SegmentLabel"] for group in described for item in group}
    images = {int(file.name.split(".")[0]): file for file in folder.glob("*.nii.gz")}
    return {names[number]: int((nib.load(file).get_fdata() > 0).sum()) for number, file in images.items()}
