"""What the status is made of: cards of any kind, measurements of other weights, decisions about other labels."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from sdseg.inference.uncertainty import Uncertainty
from sdseg.model.weights import publish, weights_sha256
from sdseg.pacs.archive import open_archive
from sdseg.pacs.server_client import connect
from sdseg.serving.launch import free_port
from sdseg_app.labels.uncertainty import uncertainty_info, uncertainty_of
from sdseg_app.served.segmenters import LoadedModels, Segmenters
from sdseg_app.served.weights_choice import WeightsChoice
from sdseg_app.status.models import model_status, served_sha256
from sdseg_app.status.shapes import ModelStatus
from sdseg_app.status.studies import archive_kind, studies_status
from sdseg_app.stores.datastore import ArchiveDatastore
from sdseg_app.stores.local_store import LocalImageStore

NOW = {"sdseg": "a" * 64}


def measured(noises: int = 4, **masks: float | None) -> Uncertainty:
    return Uncertainty({}, {}, tuple(range(noises)), np.eye(4), masks)


def test_a_measurement_counts_while_the_weights_are_the_same() -> None:
    info = uncertainty_info("sdseg", {"weights_sha256": "a" * 64}, measured(liver=0.2, spleen=None))
    assert json.loads(json.dumps(info)) == info
    found = uncertainty_of(info, NOW)["sdseg"]
    assert (found.value, found.noises) == (0.2, 4)
    assert uncertainty_of(info, {"sdseg": "b" * 64}) == {} == uncertainty_of(info, {"unet": "a" * 64})


def test_nothing_found_is_a_measurement_and_one_noise_is_none() -> None:
    facts = {"weights_sha256": "a" * 64}
    assert uncertainty_of(uncertainty_info("sdseg", facts, measured(brain=None)), NOW)["sdseg"].value is None
    assert uncertainty_info("sdseg", facts, measured(noises=1, brain=None)) == {}
    assert uncertainty_info("sdseg", facts, None) == {}


@pytest.mark.parametrize("written", ["high", {"value": 2}, {"value": 0.1, "noises": "many"}, [1], {}])
def test_what_an_annotator_wrote_there_is_no_measurement(written: object) -> None:
    assert uncertainty_of({"uncertainty:sdseg": written}, NOW) == {}


def status_with(weights: Path, folder: Path, **training: object) -> ModelStatus:
    """Of a copy of the weights whose card tells this of its training."""
    shutil.copytree(weights, folder / "weights")
    card = json.loads((folder / "weights" / "sdseg.json").read_text())
    (folder / "weights" / "sdseg.json").write_text(json.dumps({**card, "training": training}))
    choice = WeightsChoice(folder / "weights", folder / "model", None)
    return model_status("sdseg", Segmenters(choice, LoadedModels()))


def test_a_card_may_tell_much(weights: Path, tmp_path: Path) -> None:
    told = status_with(
        weights,
        tmp_path,
        finished="2026-11-01",
        data={"dataset": "btcv", "train": 18, "validation": 12},
        steps=900,
        finetuned_steps=50,
        command="sdseg train --root patients/SMITH",
        metrics={"Dice": 0.9, "broken": float("nan"), "words": "good", "flag": True},
        software={"sdseg": "0.1.0"},
    )
    assert told.trained.on == "btcv, 18 to train, 12 to choose" and told.trained.when == "2026-11-01"
    assert (told.trained.steps, told.trained.continued) == (900, 50)
    assert told.metrics == {"Dice": 0.9} and told.source == "given"
    assert "SMITH" not in told.model_dump_json()


@pytest.mark.parametrize("training", [{}, {"config": "lost", "data": 3, "software": [], "metrics": None, "steps": "x"}])
def test_a_card_may_tell_little(weights: Path, tmp_path: Path, training: dict[str, object]) -> None:
    told = status_with(weights, tmp_path, **training)
    assert told.trained.steps is None and told.metrics == {} and told.trained.on == ""


def test_what_was_trained_here_shows_the_dice_it_reached(weights: Path, tmp_path: Path) -> None:
    models = tmp_path / "model"
    folder = publish(weights, models)
    stats = {"weights_sha256": weights_sha256(folder), "val_dice": {"before": 0.5, "after": 0.75}}
    (models / "train_stats.json").write_text(json.dumps(stats))
    told = model_status("sdseg", Segmenters(WeightsChoice(None, models, None), LoadedModels()))
    assert told.source == "trained here" and list(told.metrics.values()) == [0.75]
    (models / "train_stats.json").write_text(json.dumps({**stats, "weights_sha256": "b" * 64}))
    told = model_status("sdseg", Segmenters(WeightsChoice(None, models, None), LoadedModels()))
    assert told.metrics == {}


def test_changed_weights_are_hashed_again(weights: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(weights, tmp_path / "weights"))
    before = served_sha256(folder)
    assert before == served_sha256(folder) == weights_sha256(folder)
    card = folder / "sdseg.json"
    card.write_text(card.read_text().replace("brain-tiny", "brain-other"))
    assert served_sha256(folder) == weights_sha256(folder) != before


def test_a_folder_of_files_has_no_studies_but_images(tmp_path: Path) -> None:
    (tmp_path / "head.nii.gz").write_bytes(b"")
    store = LocalImageStore(tmp_path, lambda: {"brain": 1}, tmp_path / "home")
    archive, studies = studies_status(store, list, NOW)
    assert archive_kind(store) == "files"
    assert archive.total == 1 and [(one.image, one.study) for one in studies] == [("head", "")]


def test_an_archive_that_does_not_answer_is_said_to(ct_folder: Path, tmp_path: Path) -> None:
    store = ArchiveDatastore(open_archive(str(ct_folder)), tmp_path / "home", None, lambda: {"liver": 1})
    archive, studies = studies_status(store, store.list_series, NOW)
    assert archive_kind(store) == "folder" and archive.known and archive.total == len(studies) == 1
    gone = open_archive_that_is_gone(tmp_path)
    archive, studies = studies_status(gone, gone.list_series, NOW)
    assert not archive.known and archive.trouble.endswith(".") and studies == []


def open_archive_that_is_gone(home: Path) -> ArchiveDatastore:
    client = connect(f"http://127.0.0.1:{free_port()}/dicom-web", None, attempts=1)
    return ArchiveDatastore(client, home / "gone", None, lambda: {"liver": 1})
