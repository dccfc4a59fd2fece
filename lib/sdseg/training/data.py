"""The examples of a run, and what its data set knows about them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sdseg.datasets import open_dataset
from sdseg.errors import InputError
from sdseg.training.config import TrainingConfig
from sdseg.training.data_config import DatasetConfig
from sdseg.volume.example import Example
from sdseg.volume.window import Window


@dataclass(frozen=True)
class TrainingData:
    """What a run learns from.

    Attributes:
        train: examples.
        validation: kept out of training; may be empty.
        labels: structure -> value.
        windows: DICOM Modality -> Window; empty where the configuration must say.
    """

    train: tuple[Example, ...]
    validation: tuple[Example, ...]
    labels: dict[str, int]
    windows: Mapping[str, Window]


def find_data(config: TrainingConfig) -> TrainingData:
    """Open the data set of a configuration, or take its list of examples.

    Raises:
        InputError: the folder is not the data set's, or was not given.
        UnknownNameError: there is no such data set.
    """
    data = config.data
    if isinstance(data, DatasetConfig):
        if data.root is None:
            raise InputError(f"Where is {data.dataset}? Name its folder with --root, or as data.root in the YAML file.")
        dataset = open_dataset(data.dataset, data.root, **data.options)
        labels = config.labels or dict(dataset.labels)
        windows = dataset.windows if "windows" in config.recipe else dataset.recipe_windows
        validation = dataset.examples("validation") if "validation" in dataset.splits else ()
        return TrainingData(dataset.examples("train"), validation, labels, windows)
    train, validation = (tuple(item.example() for item in part) for part in (data.train, data.validation))
    return TrainingData(train, validation, dict(config.labels), {})
