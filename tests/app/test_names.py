"""Names and values of labels as viewers send them."""

import pytest

from sdseg.errors import LabelError
from sdseg_app.names import in_order, label_values

MODEL = {"spleen": 1, "liver": 2}


def test_the_values_are_those_that_were_sent() -> None:
    sent = [{"name": "liver", "idx": 7}, {"name": "left kidney", "idx": "3"}]
    assert label_values({"label_info": sent}, MODEL) == {"liver": 7, "left kidney": 3}
    assert label_values({"label_info": [{"name": "liver", "id": 4}]}, MODEL) == {"liver": 4}, "as with scribbles"


def test_without_names_those_of_the_model_hold() -> None:
    for info in ({}, {"label_info": []}, {"label_info": None}):
        assert label_values(info, MODEL) == MODEL


@pytest.mark.parametrize(
    "entries",
    [
        [{"name": "liver"}],
        [{"idx": 1}],
        [{"name": "liver", "idx": 0}],
        [{"name": "liver", "idx": 256}],
        [{"name": "liver", "idx": -1}],
        [{"name": "liver", "idx": None}],
        [{"name": "liver", "idx": 1.5}],
        [{"name": "", "idx": 1}],
        [{"name": "liver", "idx": 1}, {"name": "spleen", "idx": 1}],
        [{"name": "liver", "idx": 1}, {"name": "liver", "idx": 2}],
        ["liver"],
        "liver",
    ],
)
def test_what_cannot_be_read_is_refused_and_never_guessed(entries: object) -> None:
    with pytest.raises(LabelError):
        label_values({"label_info": entries}, MODEL)


def test_labels_come_by_value() -> None:
    assert list(in_order({"liver": 2, "spleen": 1})) == ["spleen", "liver"]
