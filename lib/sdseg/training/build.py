"""The networks of a run, and what trains them."""

from __future__ import annotations

from pathlib import Path

import torch
from diffusers import AutoencoderKL, DiffusionPipeline

from sdseg.errors import InputError, UnknownNameError, WeightsError
from sdseg.model.kinds import SDSEG
from sdseg.model.pipeline import SDSegPipeline, build_pipeline
from sdseg.model.presets import ModelPreset, get_preset
from sdseg.rivals import RIVALS, build_rival
from sdseg.training.config import ModelConfig, TrainingConfig
from sdseg.training.learner import Learner
from sdseg.training.learners.rivals import learner_for
from sdseg.training.learners.sdseg import SDSegLearner
from sdseg.training.stage import DiffusionConfig, StageConfig
from sdseg.volume.recipe import Recipe


def check_kind(model: ModelConfig) -> None:
    """Raise UnknownNameError where there is no such kind of model."""
    if model.kind not in (SDSEG, *RIVALS):
        raise UnknownNameError(f"There is no model '{model.kind}'; choose one of: {', '.join((SDSEG, *RIVALS))}.")


def image_size_of(model: ModelConfig) -> int:
    """Rows = columns the model works on."""
    preset = get_preset(model.preset)
    if model.kind == SDSEG and model.image_size not in (None, preset.image_size):
        raise InputError(
            f"model.image_size is {model.image_size}, but preset '{preset.name}' is made for {preset.image_size}."
        )
    return model.image_size or preset.image_size


def classes_of(model: ModelConfig, labels: dict[str, int]) -> int | None:
    """Number of classes with the background; None for a binary model.

    Raises:
        InputError: several labels for a binary model.
    """
    wanted = len(labels) > 1 if model.class_conditional is None else model.class_conditional
    if not wanted and len(labels) > 1:
        raise InputError(
            f"A model that is not class_conditional has one label, not {len(labels)}: {', '.join(labels)}."
        )
    return len(labels) + 1 if wanted else None


def sdseg_pipeline(model: ModelConfig, labels: dict[str, int], vae: AutoencoderKL) -> SDSegPipeline:
    """SDSeg with random U-Net around an autoencoder."""
    return build_pipeline(
        get_preset(model.preset),
        vae,
        classes_of(model, labels),
        conditioning=model.conditioning,
        prediction_type=model.prediction_type,
        frozen_encoder=model.frozen_encoder,
    )


def rival_pipeline(model: ModelConfig, labels: dict[str, int]) -> DiffusionPipeline:
    """A rival with random weights."""
    return build_rival(model.kind, image_size_of(model), classes_of(model, labels), **model.options)


def learner_of(pipeline: DiffusionPipeline, stage: StageConfig, frozen_encoder: bool = False) -> Learner:
    """What trains a pipeline."""
    if isinstance(pipeline, SDSegPipeline):
        if not isinstance(stage, DiffusionConfig):
            raise InputError("SDSeg is trained by the section 'diffusion' of the configuration, which is missing.")
        return SDSegLearner(pipeline, stage, frozen_encoder)
    return learner_for(pipeline)


def stage_of(config: TrainingConfig) -> StageConfig:
    """The section that trains the configured model; a rival without its own takes SDSeg's steps and augmentation.

    Raises:
        InputError: there is none.
    """
    if config.model.kind == SDSEG or (config.model.kind == "image_diffusion" and not config.segmentation):
        if config.diffusion is None:
            raise InputError("The configuration has no section 'diffusion': add its steps and learning_rate.")
        return config.diffusion
    if config.segmentation is None:
        raise InputError(f"The configuration has no section 'segmentation', which trains {config.model.kind}: add it.")
    return config.segmentation


def recipe_of(config: TrainingConfig, windows: dict[str, dict[str, object]]) -> Recipe:
    """The recipe of a configuration, at the model's image size; windows default to the data set's."""
    size = image_size_of(config.model)
    values = {**Recipe(image_size=size).to_dict(), **({"windows": windows} if windows else {}), **config.recipe}
    try:
        recipe = Recipe.from_dict(values)
    except (TypeError, AttributeError) as error:
        raise InputError(f"recipe: {error}.") from error
    if recipe.image_size != size:
        raise InputError(
            f"recipe.image_size is {recipe.image_size}, but preset '{config.model.preset}' is made for {size}."
        )
    return recipe


def load_autoencoder(folder: Path, preset: ModelPreset) -> AutoencoderKL:
    """Load a diffusers AutoencoderKL folder of the preset's latents.

    Raises:
        WeightsError: it is not one, or its latents have another size.
    """
    try:
        vae = AutoencoderKL.from_pretrained(folder, dtype=torch.float32, low_cpu_mem_usage=False)
    except (OSError, ValueError, RuntimeError) as error:
        raise WeightsError(f"{folder} is not a diffusers AutoencoderKL folder ({error}).") from error
    shrink = 2 ** (len(vae.config.block_out_channels) - 1)
    if (vae.config.latent_channels, preset.image_size // shrink) != (preset.latent_channels, preset.latent_size):
        raise WeightsError(f"The latents of {folder} do not fit the preset '{preset.name}'; choose another preset.")
    return vae
