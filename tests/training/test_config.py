"""Configurations: what is wrong is named, what is shipped is valid."""

from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import yaml

from sdseg.errors import InputError, LabelError, UnknownNameError
from sdseg.training.config import TrainingConfig, load_config, with_changes
from sdseg.training.data_config import DatasetConfig, ExampleConfig, ExamplesConfig
from sdseg.training.presets import find_config, preset_names
from sdseg.training.slices import load_slices
from sdseg.volume.recipe import Recipe

Make = Callable[..., TrainingConfig]


@pytest.mark.parametrize("name", preset_names())
def test_shipped_presets_are_valid(name: str) -> None:
    loaded = find_config(name)
    if isinstance(loaded.data, ExamplesConfig):
        assert all(item.image.exists() and item.label.exists() for item in loaded.data.train)
    else:
        assert loaded.data.root is None, "a data set lies where the user says"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"labels": {"brain": "one"}}, "labels.brain"),
        ({"stepz": 3}, "stepz"),
        ({"diffusion": {"steps": 0, "learning_rate": 1}}, "diffusion.steps"),
        ({"diffusion": {"steps": 1, "learning_rate": 1, "timesteps": [5, 1000]}}, "diffusion"),
        ({"diffusion": {"learning_rate": 1}}, "diffusion: steps or minutes"),
        ({"data": []}, "data.train"),
        ({"data": {"dataset": 3}}, "data.dataset"),
        ({"name": "../x"}, "name"),
        ({"labels": {}}, "the file: labels must be named"),
        ({"model": {"conditioning": "magic"}}, "model.conditioning"),
    ],
)
def test_a_wrong_field_is_named(changes: dict, field: str, config: Make, tmp_path: Path) -> None:
    values = config().model_dump(mode="json") | changes
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(values))
    with pytest.raises(InputError, match=f"config.yaml: {field}"):
        load_config(path)


@pytest.mark.parametrize("text", ["a: [", "- 1", "", "\xff"])
def test_not_a_configuration(text: str, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_bytes(text.encode("latin-1"))
    with pytest.raises(InputError, match=r"config\.yaml"):
        load_config(tmp_path / "config.yaml")
    with pytest.raises(InputError, match="no training configuration"):
        load_config(tmp_path / "nothing.yaml")


def test_a_name_that_is_no_preset_lists_those_there_are() -> None:
    with pytest.raises(UnknownNameError, match="brain-small"):
        find_config("brian-small")


def test_paths_are_relative_to_the_file(config: Make, tmp_path: Path) -> None:
    values = config().model_dump(mode="json", exclude={"labels"})
    (tmp_path / "a.yaml").write_text(yaml.safe_dump(values | {"data": {"dataset": "kvasir-seg", "root": "polyps"}}))
    data = load_config(tmp_path / "a.yaml").data
    assert isinstance(data, DatasetConfig) and data.root == tmp_path / "polyps"


def test_changes_of_the_command_line(config: Make, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--root"):
        with_changes(config(), root=tmp_path)
    values = config().model_dump(mode="json", exclude={"labels"}) | {"data": {"dataset": "kvasir-seg"}}
    changed = with_changes(TrainingConfig.model_validate(values), root=tmp_path, model="basic_unet", seed=4)
    assert isinstance(changed.data, DatasetConfig) and changed.data.root == tmp_path
    assert (changed.model.kind, changed.model.image_size, changed.seed) == ("basic_unet", 64, 4)
    assert changed.name == "disc-basic-unet"


def test_unnamed_label_values_are_refused(example: ExampleConfig) -> None:
    with pytest.raises(LabelError, match=r"holds the values \[1\]"):
        load_slices([example.example()], Recipe(image_size=64), {"brain": 2})


def test_an_empty_mask_teaches_nothing(example: ExampleConfig) -> None:
    nib.save(nib.Nifti1Image(np.zeros((64, 64, 8), np.uint8), np.eye(4)), example.label)
    with pytest.raises(LabelError, match="labels no voxel"):
        load_slices([example.example()], Recipe(image_size=64), {"brain": 1})


def test_structures_of_ones_own_are_checked(config: Make, tmp_path: Path) -> None:
    coded = {"category": "SCT:91723000:Anatomical Structure", "type": "SCT:24136001:Hip joint"}
    with pytest.raises(InputError, match=r"structures: hip: .*means Hip joint"):
        config(structures={"hip": {**coded, "type": "SCT:24136001:Liver"}})
    told = config(structures={"hip": coded})
    assert told.model_dump(mode="json")["structures"] == {"hip": coded}
    assert "structures" not in config().model_dump(mode="json"), "a run begun before must still resume"
