"""What a training run is made of: one validated object, read from one YAML file."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import Field, ValidationError, field_validator, model_validator

from sdseg.dicom.own_structures import parse_structures
from sdseg.errors import InputError
from sdseg.model.presets import get_preset
from sdseg.training.data_config import DataConfig, DatasetConfig, ExamplesConfig, relative_to
from sdseg.training.stage import AutoencoderConfig, DiffusionConfig, SegmentationConfig, Strict


class ModelConfig(Strict):
    """Which model: SDSeg, or a rival by its name in `sdseg.rivals`.

    Attributes:
        kind: "sdseg" or a rival's name.
        preset: of SDSeg's sizes; it also says the image size.
        image_size: of a rival; None for the preset's.
        conditioning: how SDSeg's U-Net sees the image: the paper's concatenation, or cross-attention.
        prediction_type: what the U-Net predicts.
        frozen_encoder: the vision encoder stays the autoencoder's.
        class_conditional: one pass a class; None: if there are several labels.
        options: of a rival.
    """

    kind: str = "sdseg"
    preset: str = "small"
    image_size: int | None = None
    conditioning: Literal["concat", "cross_attention"] = "concat"
    prediction_type: Literal["epsilon", "sample", "v_prediction"] = "epsilon"
    frozen_encoder: bool = False
    class_conditional: bool | None = None
    options: dict[str, Any] = Field(default_factory=dict)


class PreviewConfig(Strict):
    """Validation while training: Dice of some slices, and a picture of a few of them.

    Attributes:
        every: steps between two; 0 for none.
        slices: of the validation part, evenly spaced.
        pictures: of these, how many are drawn.
    """

    every: int = Field(default=0, ge=0)
    slices: int = Field(default=64, gt=0)
    pictures: int = Field(default=6, gt=0)


class TrainingConfig(Strict):
    """A whole run.

    Attributes:
        name: of the model.
        model: which, and how large.
        labels: structure -> value; empty for the data set's.
        structures: codes of labels that the table of structures lacks (docs/structures.md); goes into the card.
        recipe: changes of the default `Recipe`; its windows default to the data set's.
        data: a data set, or a list of examples.
        autoencoder: stage one of SDSeg; None where it starts from given weights.
        diffusion: stage two of SDSeg, and training of an image-space diffusion model.
        segmentation: training of any other rival.
        precision: bf16 is mixed: the estimate, the losses and the weights stay float32. tf32 is for GPUs.
        checkpointing: recompute activations in the backward pass: memory for time.
        checkpoint_every: steps between two states from which `--resume` goes on.
        log_every: steps a line of the log.
        preview: validation while training.
        workers: processes that load and augment; None: none on a CPU, some beside a GPU.
        seed: of everything random.
    """

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    model: ModelConfig = Field(default_factory=ModelConfig)
    labels: dict[str, int] = Field(default_factory=dict)
    structures: dict[str, Any] = Field(default_factory=dict, exclude_if=lambda given: not given)
    recipe: dict[str, Any] = Field(default_factory=dict)
    data: DataConfig
    autoencoder: AutoencoderConfig | None = None
    diffusion: DiffusionConfig | None = None
    segmentation: SegmentationConfig | None = None
    precision: Literal["fp32", "tf32", "bf16"] = "fp32"
    checkpointing: bool = False
    checkpoint_every: int = Field(default=500, gt=0)
    log_every: int = Field(default=25, gt=0)
    preview: PreviewConfig = Field(default_factory=PreviewConfig)
    workers: int | None = Field(default=None, ge=0)
    seed: int = 0

    @field_validator("data", mode="before")
    @classmethod
    def _list_is_training(cls, data: Any) -> Any:
        return {"train": data} if isinstance(data, list | tuple) else data

    @field_validator("structures")
    @classmethod
    def _are_coded(cls, structures: dict[str, Any]) -> dict[str, Any]:
        parse_structures(structures, "structures")
        return structures

    @model_validator(mode="after")
    def _check(self) -> TrainingConfig:
        if isinstance(self.data, ExamplesConfig) and not self.labels:
            raise ValueError("labels must be named where the examples are listed one by one")
        return self


def load_config(path: Path) -> TrainingConfig:
    """Read a training configuration; relative paths in it are relative to the file.

    Raises:
        InputError: no such file, not YAML, or a field that is wrong; the message names it.
    """
    if not path.is_file():
        raise InputError(f"There is no training configuration at {path}; give a YAML file.")
    try:
        values = yaml.safe_load(path.read_text())
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from error
    return parse_config(values, origin=str(path), base=path.parent)


def parse_config(values: Any, origin: str, base: Path) -> TrainingConfig:
    """Validate plain values as a configuration; see `load_config`."""
    try:
        config = TrainingConfig.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        parts = [str(part) for part in first["loc"]]
        if parts[:1] == ["data"]:
            del parts[1:2]  # which kind of data it was taken for
        message = first["msg"].removeprefix("Value error, ")
        raise InputError(f"{origin}: {'.'.join(parts) or 'the file'}: {message}.") from error
    return config.model_copy(update={"data": relative_to(base, config.data)})


def with_changes(
    config: TrainingConfig, root: Path | None = None, model: str | None = None, seed: int | None = None
) -> TrainingConfig:
    """The configuration with another folder of its data set, another kind of model, another seed.

    Raises:
        InputError: `root` for a configuration that names its examples one by one.
    """
    changes: dict[str, Any] = {}
    if root is not None:
        if not isinstance(config.data, DatasetConfig):
            raise InputError("--root names the folder of a data set, but this configuration lists its examples.")
        changes["data"] = config.data.model_copy(update={"root": root})
    if model is not None and model != config.model.kind:
        size = config.model.image_size or get_preset(config.model.preset).image_size
        changes["model"] = ModelConfig(kind=model, image_size=size, class_conditional=config.model.class_conditional)
        changes["name"] = f"{config.name}-{model.replace('_', '-')}"
    if seed is not None:
        changes["seed"] = seed
    return config.model_copy(update=changes)
