"""What a request or the command line may say, before anything runs."""

from pathlib import Path
from typing import Any

import pytest
from monailabel.interfaces.datastore import DefaultLabelTag

from sdseg.errors import InputError, LabelError, UnknownNameError
from sdseg_app.config.security import SecuritySettings
from sdseg_app.names import check_name, label_values
from sdseg_app.params.infer_params import InferParams
from sdseg_app.params.train_params import TrainParams
from sdseg_app.settings import AppSettings


@pytest.mark.parametrize("name", ["../x", "a/b", "a b", "", "ä", "x" * 65, "a\n", ".", "a\0"])
def test_names_that_could_leave_a_folder_are_refused(name: str) -> None:
    with pytest.raises(InputError, match="not allowed"):
        check_name("label tag", name)


def test_a_tag_of_monai_label_is_plain_text() -> None:
    assert f"{check_name('label tag', DefaultLabelTag.ORIGINAL)}" == "original"


def test_label_values_come_from_the_request_or_the_model() -> None:
    assert label_values({}, {"brain": 1}) == {"brain": 1}
    info = {"label_info": [{"name": "tumour", "idx": "2"}, {"name": "brain", "idx": 5}]}
    assert label_values(info, {"brain": 1}) == {"tumour": 2, "brain": 5}


@pytest.mark.parametrize(
    "entries",
    [
        [{"name": "brain"}],
        [{"idx": 1}],
        ["brain"],
        [{"name": "brain", "idx": 0}],
        [{"name": "brain", "idx": 256}],
        [{"name": "brain", "idx": True}],
        [{"name": "brain", "idx": 1.5}],
        [{"name": "a", "idx": 1}, {"name": "b", "idx": 1}],
        [{"name": "a", "idx": 1}, {"name": "a", "idx": 2}],
    ],
)
def test_label_info_is_never_guessed(entries: list[Any]) -> None:
    with pytest.raises(LabelError):
        label_values({"label_info": entries}, {"brain": 1})


def test_parameters_are_taken_as_viewers_send_them() -> None:
    params = InferParams.parse({"seed": "7", "device": ["cpu"], "result_extension": [".nii.gz", ".nrrd"], "x": 1})
    assert (params.seed, params.device, params.extension) == (7, "cpu", ".nii.gz")
    assert InferParams.parse({"label_tag": DefaultLabelTag.FINAL}).label_tag == "final"
    assert InferParams.parse({"seed": ""}).seed == 0, "3D Slicer shows a 0 as an empty cell"
    params = InferParams.parse({"segmentation_type": ["LABELMAP", "BINARY"], "uncertainty": "12"})
    assert (params.segmentation_type, params.uncertainty) == ("LABELMAP", 12)
    assert InferParams.parse({"uncertainty": ""}).uncertainty == 0
    train = TrainParams.parse({"max_epochs": "3", "train_batch_size": 2, "val_split": "0.5", "pretrained": "false"})
    assert (train.max_epochs, train.train_batch_size, train.val_split, train.pretrained) == (3, 2, 0.5, False)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"max_epochs": 0}, "max_epochs must be a whole number from 1"),
        ({"max_steps": -1}, "max_steps"),
        ({"train_batch_size": "two"}, "train_batch_size"),
        ({"val_split": 1}, "val_split"),
        ({"val_split": "half"}, "val_split"),
        ({"name": "../x"}, "name of a training"),
        ({"pretrained": "perhaps"}, "pretrained must be true or false"),
    ],
)
def test_wrong_training_parameters_are_named(values: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        TrainParams.parse(values)


def test_configuration_has_defaults_and_names_what_is_wrong(tmp_path: Path) -> None:
    options = AppSettings.from_conf({}, tmp_path)
    home = (tmp_path / "model").resolve()
    assert options == AppSettings(("sdseg",), {}, home, None, security=SecuritySettings().with_audit_log(home))
    with pytest.raises(UnknownNameError, match="no model liver; use --conf models sdseg"):
        AppSettings.from_conf({"models": "sdseg, liver"}, tmp_path)
    with pytest.raises(UnknownNameError):
        AppSettings.from_conf({"models": ","}, tmp_path)
    own = AppSettings.from_conf({"structures": "own.yaml"}, tmp_path)
    assert own.structures == Path("own.yaml").resolve()
    with pytest.raises(InputError, match="no device 'tpu'"):
        AppSettings.from_conf({"device": "tpu"}, tmp_path)
