"""How well masks survive the autoencoder: `python scripts/mask_round_trip.py kvasir-seg FOLDER WEIGHTS`.

The Dice of each validation mask with itself, encoded and decoded: no prediction of these weights can be much better.
"""

from __future__ import annotations

import argparse
import statistics
from pathlib import Path

import torch

from sdseg.datasets.registry import open_dataset
from sdseg.model.card import ModelCard
from sdseg.model.weights import load_weights
from sdseg.training.mask_image import mask_to_image
from sdseg.training.slices import load_slices


def dice(one: torch.Tensor, other: torch.Tensor) -> float:
    """Of two boolean masks, not both empty."""
    return float(2 * (one & other).sum() / (one.sum() + other.sum()))


@torch.no_grad()
def round_trips(name: str, root: Path, weights: Path) -> list[float]:
    """Dice of every validation slice that holds a structure, on the model's grid."""
    card, vae = ModelCard.load(weights), load_weights(weights).components["vae"]
    masks = load_slices(open_dataset(name, root).examples("validation"), card.recipe, card.labels).masks > 0
    found = []
    for batch in masks[masks.flatten(1).any(dim=1)].split(8):
        latent = vae.encode(mask_to_image(batch)).latent_dist.mode()
        decoded = vae.decode(latent).sample.mean(dim=1, keepdim=True) > 0
        found += map(dice, decoded, batch)
    return found


def main() -> None:
    """Print one line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dataset")
    parser.add_argument("root", type=Path)
    parser.add_argument("weights", type=Path)
    options = parser.parse_args()
    found = round_trips(options.dataset, options.root, options.weights)
    print(f"{len(found)} masks: Dice {statistics.mean(found):.3f}, the worst {min(found):.3f}")


if __name__ == "__main__":
    main()
