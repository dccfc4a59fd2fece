"""Which weights are served: the champion, over those given or shipped; over restarts, damage and other processes."""

import shutil
from pathlib import Path

import pytest
from helpers.models import save_tiny_weights

from sdseg.errors import WeightsError
from sdseg.model.weights import publish
from sdseg.registry.registry import ModelRegistry
from sdseg_app.served.segmenters import Segmenters
from sdseg_app.served.weights_choice import WeightsChoice


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Weights folders with different content; nothing writes into them."""
    home = tmp_path_factory.mktemp("made")
    return [save_tiny_weights(home / str(seed), seed) for seed in range(3)]


@pytest.fixture
def models(tmp_path: Path, made: list[Path]) -> Path:
    """A folder with published weights, as earlier versions left it."""
    publish(made[2], tmp_path / "models")
    return tmp_path / "models"


def start(given: Path | None, models: Path, shipped: Path | None) -> WeightsChoice:
    """As a server does."""
    choice = WeightsChoice(given, models, shipped)
    choice.note_start()
    return choice


def test_the_champion_is_served_else_the_given_weights_else_the_shipped(
    tmp_path: Path, made: list[Path], models: Path
) -> None:
    empty, shipped, given = tmp_path / "empty", made[0], made[1]
    assert WeightsChoice(None, models, shipped).folder().parent == models
    assert WeightsChoice(given, empty, shipped).folder() == given
    assert WeightsChoice(None, empty, shipped).folder() == shipped
    with pytest.raises(WeightsError, match="There are no weights"):
        WeightsChoice(None, empty, tmp_path / "nowhere").folder()
    with pytest.raises(WeightsError, match="check --conf weights"):
        start(tmp_path / "nowhere", models, shipped)


def test_weights_given_anew_go_before_what_was_promoted_and_the_same_ones_do_not(
    made: list[Path], models: Path, tmp_path: Path
) -> None:
    given = made[1]
    assert start(given, models, made[0]).folder() == given, "never given before"
    registry = ModelRegistry(models)
    assert registry.base == given, "others know the base of the last server"
    registry.promote(next(entry.name for entry in registry.entries() if not entry.is_base))
    champion = registry.healthy()
    assert start(given, models, made[0]).folder() == champion, "a restart changes nothing"
    moved = shutil.copytree(given, tmp_path / "moved")
    assert start(moved, models, made[0]).folder() == champion, "the same weights in another place"
    assert start(None, models, made[0]).folder() == champion, "nothing given"
    assert start(made[1], models, made[0]).folder() == given
    assert start(made[0], models, None).folder() == made[0]
    assert [entry.state for entry in registry.entries()] == ["retired", "champion"]


def test_what_is_promoted_while_the_server_runs_is_served(made: list[Path], models: Path) -> None:
    choice = start(made[0], models, None)
    assert choice.folder() == made[0]
    elsewhere = ModelRegistry(models)
    entry = elsewhere.promote(elsewhere.add(made[1], None, {}).name)
    assert choice.folder() == models / entry.name
    assert choice.untrained() == made[0]
    elsewhere.rollback()
    assert choice.folder() == made[0]


def test_a_segmenter_is_kept_until_other_weights_are_promoted(made: list[Path], models: Path) -> None:
    segmenters = Segmenters(WeightsChoice(None, models, made[0]))
    first = segmenters.get("cpu")
    assert segmenters.get("cpu") is first
    ModelRegistry(models).rollback()
    assert segmenters.get("cpu").weights_sha256 != first.weights_sha256


def test_a_damaged_champion_leaves_the_server_with_the_one_before(made: list[Path], models: Path) -> None:
    choice = start(None, models, made[0])
    segmenters = Segmenters(choice)
    before = choice.folder()
    registry = ModelRegistry(models)
    champion = models / registry.promote(registry.add(made[1], None, {}).name).name
    assert segmenters.get("cpu").weights_sha256 == registry.champion().sha256
    weights = champion / "unet" / "diffusion_pytorch_model.safetensors"
    content = weights.read_bytes()
    weights.write_bytes(content[:-1] + b"\1")
    assert segmenters.get("cpu").weights_sha256.startswith(before.name) and choice.folder() == before
    assert champion.name in choice.state() and before.name in choice.state()
    weights.write_bytes(content)
    assert segmenters.get("cpu").weights_sha256.startswith(champion.name) and not choice.state()


def test_weights_that_cannot_be_loaded_although_nobody_touched_them(made: list[Path], models: Path) -> None:
    """An earlier version published them; what belongs to the folder beside the weights was damaged since."""
    choice = start(None, models, made[0])
    (choice.folder() / "unet" / "config.json").write_text("{")
    segmenters = Segmenters(choice)
    assert segmenters.get("cpu").weights_sha256 == segmenters.sha256()
    assert choice.folder() == made[0] and "cannot be loaded" in choice.state()
    assert WeightsChoice(None, models, made[0]).folder() != made[0], "another process has to find out itself"


def test_a_model_without_weights_names_its_key(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"There are no weights: .* with --conf unet_weights"):
        WeightsChoice(None, tmp_path / "empty", None, "unet_weights").folder()
    with pytest.raises(WeightsError, match=r"no weights folder .* check --conf unet_weights"):
        WeightsChoice(tmp_path / "nowhere", tmp_path / "empty", None, "unet_weights").folder()
