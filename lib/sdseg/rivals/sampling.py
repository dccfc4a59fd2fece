"""The same weights with other steps and samples: MedSegDiff's 50 x 25, or 10 x 1."""

from __future__ import annotations

import json
from pathlib import Path

from sdseg.durable import replacing
from sdseg.errors import WeightsError
from sdseg.model.kinds import INDEX_FILE, pipeline_name
from sdseg.model.weights import copy_whole
from sdseg.rivals.build import check_sampling
from sdseg.rivals.image_diffusion import ImageDiffusionPipeline


def copy_with_sampling(folder: Path, target: Path, num_inference_steps: int, samples: int) -> None:
    """Copy the weights folder of an image-space diffusion model; the copy denoises otherwise, and is another model.

    Args:
        folder: of an `ImageDiffusionPipeline`.
        target: must not exist.
        num_inference_steps: DDIM steps of a mask.
        samples: masks that are averaged.

    Raises:
        WeightsError: `folder` is of another kind or damaged, `target` exists, or the disk refuses.
        InputError: a number is out of range.
    """
    sampling = check_sampling({"num_inference_steps": num_inference_steps, "samples": samples})
    name = pipeline_name(folder)
    if name != ImageDiffusionPipeline.__name__:
        raise WeightsError(f"{folder} holds a {name}, which does not sample; give weights of image_diffusion.")
    if target.exists():
        raise WeightsError(f"{target} exists already; choose another folder or remove it.")

    def change(copy: Path) -> None:
        index = copy / INDEX_FILE
        values = {**json.loads(index.read_text()), **sampling}
        with replacing(index) as stream:
            stream.write(f"{json.dumps(values, indent=2)}\n".encode())

    try:
        copy_whole(folder, target, change)
    except OSError as error:
        raise WeightsError(f"The weights could not be written to {target}: {error.strerror}.") from error
