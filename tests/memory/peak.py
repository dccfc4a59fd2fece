"""Peak resident memory of one segmentation: `python peak.py files|server WEIGHTS SMALL_SERIES SERIES SCRATCH`.

`files` goes from the series to a SEG in SCRATCH, as `sdseg segment`. `server` does a job of the server, without HTTP:
SERIES lies in a folder of studies, its SEG is filed there, and the mask is the answer.

Prints bytes, and those of the SEG or answer, with the model loaded and used once before, on the small series, without
counting that. It is VmHWM of this process alone; ru_maxrss would begin with what the parent held.
"""

import sys
from collections.abc import Callable
from pathlib import Path

import pydicom
import torch

REPOSITORY = Path(__file__).resolve().parents[2]


def status(name: str) -> int:
    """Bytes, from /proc/self/status."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))


def by_files(weights: Path, scratch: Path) -> Callable[[Path], Path]:
    """What segments a series and gives its SEG."""
    from sdseg.inference.segmenter import Segmenter
    from sdseg.inference.to_seg import segment_to_seg

    segmenter = Segmenter.load(weights)

    def segment(series: Path) -> Path:
        segment_to_seg(segmenter, series, scratch / "seg.dcm")
        return scratch / "seg.dcm"

    return segment


def by_server(weights: Path, scratch: Path, studies: Path) -> Callable[[Path], Path]:
    """What does a job for a series of `studies` and gives the body of its answer."""
    from sdseg_app.jobs.order import Order, Output
    from sdseg_app.main import SDSegApp
    from sdseg_app.params.infer_params import InferParams

    conf = {"models": "sdseg", "weights": str(weights), "model_dir": str(scratch / "model"), "device": "cpu"}
    app = SDSegApp(str(REPOSITORY / "sdseg_app"), str(studies), conf)

    def segment(series: Path) -> Path:
        image = pydicom.dcmread(next(series.iterdir()), stop_before_pixels=True).SeriesInstanceUID
        order = Order("sdseg", image, InferParams(save_seg=True), Output.all, None, image)
        return app.jobs.submit(order, "somebody").future.result().path

    return segment


def main(way: str, weights: Path, first: Path, series: Path, scratch: Path) -> None:
    """Segment a small series, then, with the peak set back, the one that is measured."""
    torch.set_num_threads(1)
    segment = by_files(weights, scratch) if way == "files" else by_server(weights, scratch, series.parent)
    segment(first)
    Path("/proc/self/clear_refs").write_text("5")  # the peak is now what is held
    answer = segment(series)
    print(status("VmHWM"), answer.stat().st_size)


main(sys.argv[1], *(Path(path).resolve() for path in sys.argv[2:]))
