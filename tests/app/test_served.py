"""Which models are served: each with its own weights, all for the same task."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from helpers.models import save_tiny_weights, tiny_card, tiny_pipeline
from helpers.rivals import save_tiny_rival

from sdseg.dicom import codes
from sdseg.errors import InputError, LabelError, SdsegError, UnknownNameError
from sdseg.model.card import ModelCard
from sdseg.model.weights import publish, save_weights
from sdseg_app.config.shipped import SHIPPED
from sdseg_app.served.models import describe, is_random, open_models
from sdseg_app.settings import AppSettings


@pytest.fixture
def folders(tmp_path: Path) -> dict[str, Path]:
    """Weights of several kinds by name."""
    return {
        "sdseg": save_tiny_weights(tmp_path / "sdseg"),
        "basic_unet": save_tiny_rival(tmp_path / "basic"),
        "image_diffusion": save_tiny_rival(tmp_path / "diffusion", "image_diffusion"),
        "abdomen": save_tiny_rival(tmp_path / "abdomen", labels=("liver", "spleen")),
    }


def settings(home: Path, models: str, **weights: Path) -> AppSettings:
    conf = {"models": models, "model_dir": str(home / "model"), **{key: str(path) for key, path in weights.items()}}
    return AppSettings.from_conf(conf, home)


def test_each_model_has_its_own_weights(tmp_path: Path, folders: dict[str, Path]) -> None:
    given = {
        "weights": folders["sdseg"],
        "unet_weights": folders["basic_unet"],
        "b_weights": folders["image_diffusion"],
    }
    models = open_models(settings(tmp_path, "sdseg, unet, b, unet", **given))
    assert {name: model.card().kind for name, model in models.items()} == {
        "sdseg": "sdseg",
        "unet": "basic_unet",
        "b": "image_diffusion",
    }
    assert {model.choice.models_dir for model in models.values()} == {
        tmp_path / "model" / name for name in ("sdseg", "unet", "b")
    }
    assert [is_random(model.card()) for model in models.values()] == [True, False, True]
    assert describe(models["unet"].card()) == "BasicUNet, U-Net (MONAI BasicUNet) (brain-rival)"
    assert models["unet"].get("cpu").traits.kind == "basic_unet"


def test_a_published_rival_leaves_sdseg_alone(tmp_path: Path, folders: dict[str, Path]) -> None:
    chosen = settings(tmp_path, "unet,sdseg", weights=folders["sdseg"])
    publish(folders["basic_unet"], tmp_path / "model" / "unet")
    models = open_models(chosen)
    assert models["unet"].choice.folder().parent == tmp_path / "model" / "unet"
    assert models["sdseg"].choice.folder() == folders["sdseg"]


def test_the_unet_of_the_sample_data_needs_no_option(
    tmp_path: Path, folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped = {"unet": folders["basic_unet"], "sdseg": folders["sdseg"]}
    monkeypatch.setattr("sdseg_app.served.models.SHIPPED", shipped)
    assert open_models(settings(tmp_path, "unet"))["unet"].card().kind == "basic_unet"
    assert SHIPPED["unet"].parts[-3:] == ("sample-data", "weights", "brain-unet")


@pytest.mark.parametrize(
    ("models", "given", "words"),
    [
        ("sdseg", {"weights": "basic_unet"}, "kind 'basic_unet', which cannot be served as sdseg"),
        ("unet", {"unet_weights": "sdseg"}, "kind 'sdseg', which cannot be served as unet; give it .* basic_unet, "),
        ("dyn_unet", {"dyn_unet_weights": "basic_unet"}, "cannot be served as dyn_unet; .* of the kind dyn_unet"),
        ("sdseg,b", {"weights": "sdseg", "b_weights": "abdomen"}, r"different structures \(brain; liver, spleen\)"),
        ("b", {"b_weights": "nowhere"}, "no weights folder .*nowhere; check --conf b_weights"),
    ],
)
def test_weights_that_do_not_suit_are_one_line(
    tmp_path: Path, folders: dict[str, Path], models: str, given: dict[str, str], words: str
) -> None:
    chosen = {key: folders.get(name, tmp_path / name) for key, name in given.items()}
    with pytest.raises(SdsegError, match=words) as told:
        open_models(settings(tmp_path, models, **chosen))
    assert "\n" not in str(told.value)


def test_names_that_cannot_be_served(tmp_path: Path, folders: dict[str, Path]) -> None:
    with pytest.raises(UnknownNameError, match=r"no model liver; .* with --conf liver_weights FOLDER"):
        settings(tmp_path, "sdseg,liver")
    for name in ("datastore", "a/b", ".."):
        with pytest.raises(InputError):
            settings(tmp_path, name, **{f"{name}_weights": folders["basic_unet"]})


def test_a_card_brings_codes_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codes, "_ADDED", {})
    coded = {"category": "SCT:91723000:Anatomical Structure", "type": "SCT:24136001:Hip joint"}
    card = replace(tiny_card(("hip",)), structures={"hip": coded})
    save_weights(tiny_pipeline(), card, tmp_path / "hip", torch.float32)
    assert ModelCard.load(tmp_path / "hip").structures == {"hip": coded}
    assert "structures" not in (save_tiny_weights(tmp_path / "brain") / "sdseg.json").read_text()
    with pytest.raises(LabelError, match="no DICOM code"):
        codes.structure("hip")
    open_models(settings(tmp_path, "sdseg", weights=tmp_path / "hip"))
    assert codes.structure("hip").property_type.value == "24136001"
    with pytest.raises(InputError, match=r"card of brain-tiny: hip: .*means Hip joint"):
        replace(card, structures={"hip": {**coded, "type": "SCT:24136001:Liver"}})
