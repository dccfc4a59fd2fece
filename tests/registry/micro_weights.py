"""Folders that are weights for all but a model: a registry never loads them."""

import json
import random
from pathlib import Path

from sdseg.model.card import ModelCard
from sdseg.model.weights import WEIGHT_FILES
from sdseg.volume.recipe import Recipe
from sdseg.volume.window import Window


def micro_weights(folder: Path, seed: int, label: str = "brain") -> Path:
    """A weights folder of SDSeg with a thousand random bytes a network."""
    noise = random.Random(seed)
    parts = {Path(name).parent.name: ["diffusers", "Model"] for name in WEIGHT_FILES}
    index = {"_class_name": "SDSegPipeline", "scheduler": ["diffusers", "DDIMScheduler"], **parts}
    for name in WEIGHT_FILES:
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_bytes(noise.randbytes(1000))
        (folder / name).with_name("config.json").write_text("{}")
    (folder / "model_index.json").write_text(json.dumps(index))
    recipe = Recipe(image_size=64, windows={"MR": Window("percentile", 0.5, 99.5)})
    ModelCard("brain-micro", "tiny", {label: 1}, recipe).save(folder)
    return folder
