"""Programs of others that look at a SEG: validators, Slicer's reader, OHIF's reader."""

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from helpers.tools import tool
from oracles.cases import Case

HERE = Path(__file__).parent


def dciodvfy(seg: Path) -> list[str]:
    """The errors that dciodvfy (dicom3tools) finds in one object."""
    result = subprocess.run([tool("dciodvfy"), str(seg)], capture_output=True, text=True, check=False)
    return errors_in(result)


def dcentvfy(files: Sequence[Path]) -> list[str]:
    """The errors that dcentvfy (dicom3tools) finds among the objects of one study."""
    result = subprocess.run([tool("dcentvfy"), *map(str, files)], capture_output=True, text=True, check=False)
    return errors_in(result)


def errors_in(result: subprocess.CompletedProcess[str]) -> list[str]:
    lines = (result.stdout + result.stderr).splitlines()
    found = [line for line in lines if line.startswith("Error")]
    return found or ([f"exit status {result.returncode}"] if result.returncode < 0 else [])


def dcmqi(seg: Path, folder: Path) -> dict[str, int] | str:
    """Voxels per segment label as Slicer's reader counts them, or why it does not."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    command = [tool("segimage2itkimage"), "--inputDICOM", str(seg), "--outputDirectory", str(folder)]
    result = subprocess.run([*command, "--outputType", "nii"], capture_output=True, text=True, check=False)
    if result.returncode or not (folder / "meta.json").exists():
        return f"exit status {result.returncode}"
    described = json.loads((folder / "meta.json").read_text())["segmentAttributes"]
    names = {item["labelID"]: item["SegmentLabel"] for group in described for item in group}
    counts: dict[str, int] = {}
    for file in folder.glob("*.nii.gz"):
        values, numbers = np.unique(np.asanyarray(nib.load(file).dataobj), return_counts=True)
        for value, number in zip(values.tolist(), numbers.tolist(), strict=True):
            if value:
                name = names.get(int(value), f"segment {int(value)}")
                counts[name] = counts.get(name, 0) + number
    return counts


def ohif(jobs: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Answers of OHIF's adapters to `jobs` (see ohif.mjs), all in one process.

    Where they are not installed the test is skipped, but in CI, which installs them, fails.
    """
    node = shutil.which("node")
    if node is None or not (HERE / "node_modules" / ".installed").exists():
        missing = "OHIF's adapters are not installed: scripts/install-js-tools.sh does it, with Node.js and npm."
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
    command = [node, "--import", (HERE / "node18.mjs").as_uri(), str(HERE / "ohif.mjs")]
    result = subprocess.run(command, input=json.dumps(list(jobs)), capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return list(json.loads(result.stdout))


def ohif_job(made: Case, as_one_buffer: bool = False) -> dict[str, Any]:
    """What `ohif` is asked to read; `as_one_buffer`: even where frames are no whole bytes."""
    sources = [*map(str, made.sources)]
    return {"task": "read", "sources": sources, "seg": str(made.seg), "asOneBuffer": as_one_buffer}


def ohif_reads(jobs: Sequence[dict[str, Any]]) -> list[list[dict[str, int]] | str]:
    """Voxels per label in each slice, as OHIF counts them, for each job; or why it does not."""
    return [by_name(answer) for answer in ohif(jobs)]


def by_name(answer: dict[str, Any]) -> list[dict[str, int]] | str:
    if "error" in answer:
        return str(answer["error"])
    names = answer["names"]
    return [{names.get(number, number): count for number, count in found.items()} for found in answer["slices"]]
