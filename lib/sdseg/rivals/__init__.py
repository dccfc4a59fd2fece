"""MONAI's networks as slice models beside SDSeg. Importing the room makes their weights folders loadable."""

from sdseg.model.kinds import Traits, register_pipeline
from sdseg.rivals.architectures import RIVALS
from sdseg.rivals.build import build_rival
from sdseg.rivals.image_diffusion import ImageDiffusionPipeline
from sdseg.rivals.pipeline import RivalPipeline
from sdseg.rivals.sampling import copy_with_sampling

__all__ = ["RIVALS", "ImageDiffusionPipeline", "RivalPipeline", "build_rival", "copy_with_sampling"]


def _traits(pipeline: RivalPipeline) -> Traits:
    rival = RIVALS[pipeline.kind]
    return Traits(rival.name, rival.title, rival.method)


def _diffusion_traits(pipeline: ImageDiffusionPipeline) -> Traits:
    rival = RIVALS[pipeline.kind]
    steps, samples = int(pipeline.config.num_inference_steps), int(pipeline.config.samples)
    return Traits(rival.name, rival.title, rival.method, steps, samples)


register_pipeline(RivalPipeline, _traits)
register_pipeline(ImageDiffusionPipeline, _diffusion_traits)
