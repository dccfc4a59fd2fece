"""Which learner trains which rival."""

from __future__ import annotations

from sdseg.rivals.image_diffusion import ImageDiffusionPipeline
from sdseg.rivals.pipeline import RivalPipeline
from sdseg.training.learners.image_diffusion import ImageDiffusionLearner
from sdseg.training.learners.segmentation import SegmentationLearner


def learner_for(pipeline: RivalPipeline | ImageDiffusionPipeline) -> SegmentationLearner | ImageDiffusionLearner:
    """The learner of a rival's pipeline."""
    if isinstance(pipeline, ImageDiffusionPipeline):
        return ImageDiffusionLearner(pipeline)
    return SegmentationLearner(pipeline)
