"""The demonstration, step by step, each one timed."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from sdseg.demo.viewer import Viewer
from sdseg.dicom.seg_reader import read_seg
from sdseg.dicom.series import load_series
from sdseg.errors import DeliveryError, InputError
from sdseg.evaluation.dice import volume_dice
from sdseg.evaluation.montage import save_montage
from sdseg.serving.process import ServerProcess
from sdseg.volume.labelmap import load_labelmap_like

MODEL = "sdseg"
_LOG = "server.log"


@dataclass(frozen=True)
class DemoInputs:
    """The sample: a DICOM series, the mask it should come to, weights and the least Dice they must reach."""

    series: Path
    reference: Path
    weights: Path
    least_dice: float = 0.93

    def __post_init__(self) -> None:
        for path in (self.series, self.reference, self.weights):
            if not path.exists():
                raise InputError(f"The demo needs {path}, which is missing; restore it from the repository.")


@dataclass
class DemoReport:
    """What happened; written as JSON."""

    seconds: dict[str, float] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)

    @contextmanager
    def step(self, name: str, show: Callable[[str], None]) -> Iterator[None]:
        """Time one step and show it when it is done."""
        start = time.perf_counter()
        yield
        self.seconds[name] = round(time.perf_counter() - start, 2)
        show(f"{name:<38}{self.seconds[name]:8.2f} s")


def run_demo(inputs: DemoInputs, output: Path, show: Callable[[str], None]) -> DemoReport:
    """Serve the sample study, click, store, read back, score; files go to `output`, which is emptied first.

    Raises:
        SdsegError: any step that failed, in one sentence; the server is stopped in every case.
    """
    report = DemoReport()
    studies = output / "studies"
    with report.step("copy the sample study", show):
        empty_own_folder(output)
        shutil.copytree(inputs.series, studies / "source")
    conf = [f"weights={inputs.weights}", f"model_dir={output / 'model'}"]
    with ExitStack() as running:
        with report.step("start the MONAI Label server", show):
            server = running.enter_context(ServerProcess(str(studies), output / _LOG, conf))
        viewer = Viewer(server.url)
        with report.step("list models, choose the image", show):
            if MODEL not in viewer.info()["models"]:
                raise DeliveryError(f"The server does not offer the model '{MODEL}'.")
            image = viewer.next_image()
        with report.step("click: segment and store the SEG", show):
            reply = viewer.infer(MODEL, image, save_seg=True)
    seg = Path(reply["seg"]["path"])
    with report.step("read the SEG back and score it", show):
        score_seg(inputs, studies, seg, report, output)
    report.facts.update(
        series_instance_uid=image, weights_sha256=reply["weights_sha256"], seed=reply["seed"], seg=str(seg)
    )
    (output / "report.json").write_text(json.dumps({**report.facts, "seconds": report.seconds}, indent=2) + "\n")
    if report.facts["dice"] < inputs.least_dice:
        raise DeliveryError(
            f"The segmentation scores Dice {report.facts['dice']:.4f}, less than the {inputs.least_dice} of the "
            "sample weights; weights or software are not the ones of the repository."
        )
    return report


def empty_own_folder(output: Path) -> None:
    """Remove what an earlier demo left in `output`, and nothing else.

    Raises:
        InputError: the folder holds files, but none that a demo writes.
    """
    if output.is_dir() and any(output.iterdir()) and not (output / _LOG).is_file():
        raise InputError(f"{output} is not empty and not a demo's; choose another folder with --output.")
    shutil.rmtree(output, ignore_errors=True)


def score_seg(inputs: DemoInputs, studies: Path, seg: Path, report: DemoReport, output: Path) -> None:
    """Compare a stored SEG with the reference mask on the source's grid and draw the montage."""
    series = load_series(studies / "source")
    labelmap, labels = read_seg(seg, series)
    # (column, row, slice) -> (slices, rows, columns)
    reference = load_labelmap_like(inputs.reference, studies / "source").transpose(2, 1, 0)
    (value,) = labels.values()
    dice = volume_dice(labelmap, reference, value)
    if dice is None:
        raise DeliveryError("Neither the SEG nor the reference mask holds a voxel.")
    report.facts.update(dice=round(dice, 4), labels=labels, voxels=int(np.count_nonzero(labelmap)))
    masks = {"segmentation": labelmap, "reference": reference}
    save_montage(series.pixels(), masks, output / "montage.png", title=f"SDSeg, sample MR: Dice {dice:.3f}")
