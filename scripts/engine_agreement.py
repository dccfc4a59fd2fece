"""Whether engines give the masks of the plain networks: `python scripts/engine_agreement.py kvasir-seg FOLDER WEIGHTS`.

Dice of each engine's masks with the plain networks' over the validation slices, on the model's grid: of all
together, the mean over the slices, the worst. An int8 engine has to be calibrated before (`sdseg engines --calibrate`).
"""

from __future__ import annotations

import argparse
import statistics
from pathlib import Path

import torch

from sdseg.datasets.registry import open_dataset
from sdseg.engines.speed import Speed
from sdseg.inference.segmenter import Segmenter
from sdseg.training.slices import load_slices
from sdseg.volume.slices import to_three_channels

ENGINES = "torch-fp32,torch-bf16,torch-bf16-decoder,torch-bf16-unet,openvino-fp32,openvino-bf16,onnxruntime-fp32"


def masks(weights: Path, engine: str, slices: torch.Tensor, batch: int) -> torch.Tensor:
    """(slices, rows, columns): class indices, or whether the probability exceeds a half."""
    pipeline = Segmenter.load(weights, speed=Speed(engine=engine)).pipeline
    with torch.inference_mode():
        found = torch.cat([pipeline(part, seed=0) for part in slices.split(batch)])
    return found.argmax(dim=1) if found.shape[1] > 1 else (found[:, 0] > 0.5).long()


def dice(one: torch.Tensor, other: torch.Tensor) -> float:
    """Of what is foreground alike in both; 1 where neither has any."""
    size = (one > 0).sum() + (other > 0).sum()
    return float(2 * ((one == other) & (one > 0)).sum() / size) if size else 1.0


def main() -> None:
    """Print a Markdown row for each engine."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dataset")
    parser.add_argument("root", type=Path)
    parser.add_argument("weights", type=Path)
    parser.add_argument("--engines", default=ENGINES, help="names separated by commas")
    parser.add_argument("--batch-size", type=int, default=8)
    options = parser.parse_args()
    card = Segmenter.load(options.weights).card
    examples = open_dataset(options.dataset, options.root).examples("validation")
    slices = to_three_channels(load_slices(examples, card.recipe, card.labels).images)
    plain = masks(options.weights, "plain", slices, options.batch_size)
    print(f"| engine | Dice of {len(slices)} slices together | mean | worst |\n|---|---|---|---|")
    for engine in options.engines.split(","):
        found = masks(options.weights, engine, slices, options.batch_size)
        each = list(map(dice, found, plain))
        told = (dice(found, plain), statistics.mean(each), min(each))
        print(f"| `{engine}` | {' | '.join(f'{value:.4f}' for value in told)} |", flush=True)


if __name__ == "__main__":
    main()
