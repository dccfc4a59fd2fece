"""Where a training's examples come from, as its configuration says it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

from sdseg.training.stage import Strict
from sdseg.volume.example import Example


class ExampleConfig(Strict):
    """One labelled image: a DICOM folder, NIfTI, NRRD or picture, and its mask on the same grid."""

    image: Path
    label: Path
    modality: str | None = None
    group: str = ""

    def example(self) -> Example:
        """The same as the other rooms know it."""
        return Example(str(self.image), self.image, self.label, self.modality, self.group)


class ExamplesConfig(Strict):
    """Images named one by one."""

    train: tuple[ExampleConfig, ...] = Field(min_length=1)
    validation: tuple[ExampleConfig, ...] = ()


class DatasetConfig(BaseModel):
    """A data set of `sdseg.datasets`; every other key is an option of its own, and checked by it."""

    model_config = ConfigDict(extra="allow", frozen=True)

    dataset: str
    root: Path | None = None

    @property
    def options(self) -> dict[str, Any]:
        """Of the data set."""
        return dict(self.model_extra or {})


def _kind_of_data(data: Any) -> str:
    keys = data if isinstance(data, Mapping) else getattr(type(data), "model_fields", {})
    return "dataset" if "dataset" in keys else "examples"


DataConfig = Annotated[
    Annotated[DatasetConfig, Tag("dataset")] | Annotated[ExamplesConfig, Tag("examples")],
    Discriminator(_kind_of_data),
]


def relative_to(base: Path, data: DatasetConfig | ExamplesConfig) -> DatasetConfig | ExamplesConfig:
    """The same with paths that are relative to the folder of the configuration's file."""
    if isinstance(data, DatasetConfig):
        return data.model_copy(update={"root": base / data.root}) if data.root else data
    parts = {
        part: tuple(
            item.model_copy(update={"image": base / item.image, "label": base / item.label})
            for item in getattr(data, part)
        )
        for part in ("train", "validation")
    }
    return data.model_copy(update=parts)
