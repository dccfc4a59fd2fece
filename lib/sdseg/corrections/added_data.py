"""Labelled images that an administrator adds to the annotators' own: to judge by, or so that they are not forgotten."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import TypeAdapter, ValidationError

from sdseg.corrections.patients import digest_of_patient, patient_of
from sdseg.datasets import open_dataset
from sdseg.dicom.codes import plain
from sdseg.errors import InputError
from sdseg.training.data_config import DataConfig, DatasetConfig, ExamplesConfig, relative_to
from sdseg.volume.example import Example

Part = Literal["train", "validation"]
_KEYS = "data, and labels where the masks have other values than the model"


def read_added(
    path: Path, part: Part, model_labels: Mapping[str, int], patients: Mapping[Path, str]
) -> tuple[Example, ...]:
    """The examples of a YAML file with `data`, as for `sdseg train`, and optionally `labels`: structure -> value.

    Args:
        path: of the file.
        part: which of its parts; `validation` is the training part where there is no other.
        model_labels: structure -> value of the model, in which the masks are read.
        patients: image -> digest of its patient, where that is known already.

    Raises:
        InputError: the file, or an image that it names, cannot be used.
    """
    data, labels = _read(path)
    found = _examples(data, part, path)
    named = labels or (_labels_of(data) if isinstance(data, DatasetConfig) else {})
    values = _values(named, model_labels, path)
    return tuple(_in_model_values(_with_patient(example, patients), values) for example in found)


def _read(path: Path) -> tuple[DatasetConfig | ExamplesConfig, dict[str, int]]:
    if not path.is_file():
        raise InputError(f"There is no file {path}; give a YAML file with {_KEYS}.")
    try:
        content = yaml.safe_load(path.read_text())
        data = content.get("data") if isinstance(content, dict) else None
        if data is None:
            raise InputError(f"{path} names no data; give a YAML file with {_KEYS}.")
        listed = {"train": data} if isinstance(data, list) else data
        parsed: Any = TypeAdapter(DataConfig).validate_python(listed)
        labels = TypeAdapter(dict[str, int]).validate_python(content.get("labels") or {})
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from error
    except ValidationError as error:
        first = error.errors()[0]
        raise InputError(f"{path}: {'.'.join(map(str, first['loc']))}: {first['msg']}.") from error
    return relative_to(path.parent, parsed), labels


def _examples(data: DatasetConfig | ExamplesConfig, part: Part, path: Path) -> tuple[Example, ...]:
    if isinstance(data, ExamplesConfig):
        chosen = (data.validation or data.train) if part == "validation" else data.train
        return tuple(item.example() for item in chosen)
    if data.root is None:
        raise InputError(f"{path}: data.root is missing: it is the folder of {data.dataset}.")
    dataset = open_dataset(data.dataset, data.root, **data.options)
    return dataset.examples(part if part in dataset.splits else "train")


def _labels_of(data: DatasetConfig) -> dict[str, int]:
    assert data.root is not None  # `_examples` has looked
    return dict(open_dataset(data.dataset, data.root, **data.options).labels)


def _values(labels: Mapping[str, int], model_labels: Mapping[str, int], path: Path) -> dict[int, int] | None:
    """Value in the masks -> value of the model, by name; None: they are the model's."""
    if not labels:
        return None
    wanted = {plain(name): value for name, value in model_labels.items()}
    values = {value: wanted.get(plain(name), 0) for name, value in labels.items()}
    if not any(values.values()):
        raise InputError(f"{path} labels {', '.join(labels)}, but the model {', '.join(model_labels)}.")
    return values


def _in_model_values(example: Example, values: Mapping[int, int] | None) -> Example:
    """After what the data set itself makes of the values of its masks."""
    if values is None:
        return example
    own = example.label_values
    both = values if own is None else {mask: values.get(value, 0) for mask, value in own.items()}
    return replace(example, label_values=both)


def _with_patient(example: Example, patients: Mapping[Path, str]) -> Example:
    """Its group as a digest: of the patient where the image tells him, else of what the file calls its group."""
    image = Path(example.image)
    known = patients.get(image.resolve()) or patient_of(image)
    named = example.group if example.group != example.id else str(image.resolve())
    return replace(example, group=known or digest_of_patient(named))
