import os
import time
from pathlib import Path

import pytest
from helpers.models import save_tiny_weights

from sdseg.errors import WeightsError
from sdseg.model.weights import POINTER_FILE, publish
from sdseg_app.served.segmenters import Segmenters
from sdseg_app.served.weights_choice import WeightsChoice, note_server_start


@pytest.fixture(autouse=True)
def no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SDSEG_SERVER_STARTED", "")
    monkeypatch.delenv("SDSEG_SERVER_STARTED")


@pytest.fixture
def given(tmp_path: Path) -> Path:
    return save_tiny_weights(tmp_path / "given", seed=1)


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """A folder with published weights."""
    publish(save_tiny_weights(tmp_path / "trained", seed=2), tmp_path / "models")
    return tmp_path / "models"


def test_given_weights_come_before_published_and_those_before_shipped(
    tmp_path: Path, given: Path, models: Path
) -> None:
    empty, shipped = tmp_path / "empty", tmp_path / "shipped"
    assert WeightsChoice(given, models, shipped).folder() == given
    assert WeightsChoice(None, models, shipped).folder().parent == models
    with pytest.raises(WeightsError, match="There are no weights"):
        WeightsChoice(None, empty, shipped).folder()
    shipped.mkdir()
    assert WeightsChoice(None, empty, shipped).folder() == shipped
    with pytest.raises(WeightsError, match="check --conf weights"):
        WeightsChoice(tmp_path / "nowhere", models, shipped).folder()


def test_what_is_trained_while_the_server_runs_supersedes_what_was_given(
    tmp_path: Path, given: Path, models: Path
) -> None:
    pointer = models / POINTER_FILE
    os.utime(pointer, (time.time() - 60, time.time() - 60))
    note_server_start()
    choice = WeightsChoice(given, models, tmp_path / "shipped")
    assert choice.folder() == given, "published before this server started"
    trained = publish(tmp_path / "trained", models)
    assert choice.folder() == trained
    assert choice.untrained() == given


def test_a_segmenter_is_kept_until_other_weights_are_published(tmp_path: Path, models: Path) -> None:
    segmenters = Segmenters(WeightsChoice(None, models, tmp_path / "shipped"))
    first = segmenters.get("cpu")
    assert segmenters.get("cpu") is first
    publish(save_tiny_weights(tmp_path / "newer", seed=3), models)
    assert segmenters.get("cpu").weights_sha256 != first.weights_sha256


def test_a_model_without_weights_names_its_key(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"There are no weights: .* with --conf unet_weights"):
        WeightsChoice(None, tmp_path / "empty", None, "unet_weights").folder()
    with pytest.raises(WeightsError, match=r"no weights folder .* check --conf unet_weights"):
        WeightsChoice(tmp_path / "nowhere", tmp_path / "empty", None, "unet_weights").folder()
