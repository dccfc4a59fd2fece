"""Peak resident memory of one segmentation: `python peak.py WEIGHTS SMALL_SERIES SERIES SEG`.

Prints bytes, with the model loaded and used once before, on the small series, without counting that. It is VmHWM of
this process alone; ru_maxrss would begin with what the parent held.
"""

import sys
from pathlib import Path

import torch

from sdseg.inference.segmenter import Segmenter
from sdseg.inference.to_seg import segment_to_seg


def status(name: str) -> int:
    """Bytes, from /proc/self/status."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))


def main(weights: Path, first: Path, series: Path, seg: Path) -> None:
    """Segment a small series, then, with the peak set back, the one that is measured."""
    torch.set_num_threads(1)
    segmenter = Segmenter.load(weights)
    segment_to_seg(segmenter, first, seg)
    Path("/proc/self/clear_refs").write_text("5")  # the peak is now what is held
    segment_to_seg(segmenter, series, seg)
    print(status("VmHWM"))


main(*map(Path, sys.argv[1:]))
