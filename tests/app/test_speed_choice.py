"""What a request names over what the server is set to, and what is kept apart."""

from pathlib import Path

import pytest
from helpers.models import save_tiny_weights
from helpers.rivals import rival_card, tiny_rival

from sdseg.engines.engine import ENGINES, PLAIN
from sdseg.engines.speed import PLAIN_SPEED, Speed
from sdseg.errors import InputError
from sdseg.model.kinds import LITE_DECODER, NETWORK_FILE
from sdseg.model.weights import save_weights
from sdseg.volume.window import Window
from sdseg_app.jobs.results import KeptResults
from sdseg_app.params.infer_params import InferParams
from sdseg_app.served.segmenters import LoadedModels
from sdseg_app.served.speed_choice import NOTHING, in_words, speed_of


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_weights(tmp_path_factory.mktemp("weights") / "tiny")


def test_a_lite_part_that_is_missing_is_full_unless_a_request_names_it(weights: Path) -> None:
    server = Speed("plain", "lite", "lite", "lite")
    assert speed_of(weights, server, NOTHING) == PLAIN_SPEED
    with pytest.raises(InputError, match="no lite decoder; choose decoder full"):
        speed_of(weights, server, {"decoder": "lite"})


def test_a_lite_part_that_is_there_is_used(tmp_path: Path) -> None:
    folder = save_tiny_weights(tmp_path / "tiny")
    (folder / LITE_DECODER / NETWORK_FILE).parent.mkdir(parents=True)
    (folder / LITE_DECODER / NETWORK_FILE).touch()
    assert speed_of(folder, Speed(), {"decoder": "lite", "encoder": None}) == Speed(decoder="lite")
    assert speed_of(folder, Speed(decoder="lite"), NOTHING) == Speed(decoder="lite")
    assert speed_of(folder, Speed(decoder="lite"), {"decoder": "full"}) == Speed()


def test_rivals_are_plain_whatever_the_server_is_set_to(tmp_path: Path) -> None:
    save_weights(tiny_rival("basic_unet"), rival_card("basic_unet"), tmp_path / "rival")
    assert speed_of(tmp_path / "rival", Speed("torch-fp32", "lite"), NOTHING) == PLAIN_SPEED
    with pytest.raises(InputError, match="no lite parts"):
        speed_of(tmp_path / "rival", Speed(), {"unet": "lite"})


def test_one_model_is_loaded_whatever_its_speed(weights: Path) -> None:
    loaded = LoadedModels()
    first = loaded.get(weights, "cpu", PLAIN_SPEED)
    assert loaded.get(weights, "cpu", PLAIN_SPEED) is first
    fast = loaded.get(weights, "cpu", Speed("torch-fp32"))
    assert fast is not first and fast.speed.engine == "torch-fp32"
    assert loaded.runs(weights, Speed("torch-fp32")) == fast.speed and loaded.runs(weights, PLAIN_SPEED) is None


def test_what_is_not_calibrated_is_served_exactly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A champion of the night must not stop the clinic's clicks."""
    monkeypatch.setenv("SDSEG_CACHE", str(tmp_path / "cache"))
    weights = save_tiny_weights(tmp_path / "pictures", XC=Window("range", 0, 255))
    loaded, wanted = LoadedModels(), Speed("openvino-int8")
    served = loaded.get(weights, "cpu", wanted)
    assert ENGINES[served.speed.engine].exact if served.speed.engine != PLAIN else True
    assert "not calibrated for these weights" in caplog.text
    assert loaded.get(weights, "cpu", wanted) is served and loaded.runs(weights, wanted) == served.speed


def test_results_of_lite_parts_and_of_int8_are_kept_apart(tmp_path: Path) -> None:
    image, kept, params = tmp_path / "image.nii", KeptResults(tmp_path / "kept", 10), InferParams()
    image.write_bytes(b"voxels")
    speeds = [
        Speed(),
        Speed("plain", "lite"),
        Speed("plain", "full", "lite"),
        Speed(unet="lite"),
        Speed("openvino-int8"),
    ]
    keys = [kept.key(image, "0" * 64, params, speed) for speed in speeds]
    assert len(set(keys)) == len(keys)
    assert kept.key(image, "0" * 64, params, Speed("torch-bf16")) == kept.key(image, "0" * 64, params, PLAIN_SPEED)


def test_it_is_told_in_words() -> None:
    assert in_words(Speed("torch-bf16", "lite")) == "engine torch-bf16, lite decoder"
