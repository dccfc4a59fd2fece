"""Peak resident memory of a process that segments one series: `python peak.py WEIGHTS SERIES SEG`, prints bytes."""

import resource
import sys
from pathlib import Path

import torch

from sdseg.inference.segmenter import Segmenter
from sdseg.inference.to_seg import segment_to_seg

weights, series, seg = map(Path, sys.argv[1:])
torch.set_num_threads(1)
segment_to_seg(Segmenter.load(weights), series, seg)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
