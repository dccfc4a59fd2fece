"""Promotion, rollback, withdrawal, damage and adoption in a folder registry."""

import json
import shutil
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from registry.micro_weights import micro_weights

from sdseg.errors import DeliveryError, InputError, SdsegError, UnknownNameError, WeightsError
from sdseg.judging.judgement import ClassJudgement, Judgement
from sdseg.model.pointer import POINTER_FILE
from sdseg.model.weights import publish, weights_sha256
from sdseg.registry.entry import Entry
from sdseg.registry.registry import ChampionChangedError, ModelRegistry

JUDGEMENT = Judgement(
    True,
    "Not worse.",
    0.01,
    "a" * 64,
    "b" * 64,
    (ClassJudgement("brain", 0.5, 0.6, 0.1, 0.05, 0.15, 2, 2, False, ((0.5, 0.6), (0.5, 0.6))),),
    images=2,
    patients=2,
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Weights folders with different content, the first the base; nothing writes into them."""
    home = tmp_path_factory.mktemp("made")
    return [micro_weights(home / str(seed), seed) for seed in range(4)]


@pytest.fixture
def registry(made: list[Path], tmp_path: Path) -> ModelRegistry:
    return ModelRegistry(tmp_path / "models", made[0])


@pytest.fixture
def two(registry: ModelRegistry, made: list[Path]) -> list[Entry]:
    """Two promoted one after the other."""
    return [registry.promote(registry.add(folder, None, {}).name) for folder in made[1:3]]


def states(registry: ModelRegistry) -> dict[str, str]:
    return {entry.name: entry.state for entry in ModelRegistry(registry.models_dir, registry.base).entries()}


def damage(folder: Path, name: str = "unet/diffusion_pytorch_model.safetensors") -> Callable[[], object]:
    """One bit of a file; what is returned mends it."""
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(bytes([content[0] ^ 1]) + content[1:])
    return lambda: (folder / name).write_bytes(content)


def test_what_is_added_is_kept_and_not_served(registry: ModelRegistry, made: list[Path]) -> None:
    entry = registry.add(made[1], JUDGEMENT, {"steps": 7, "parent_sha256": "c" * 64})
    sha256 = weights_sha256(made[1])
    assert (entry.sha256, entry.name, entry.state) == (sha256, sha256[:16], "challenger")
    assert (entry.parent, entry.facts["steps"], entry.promoted) == ("c" * 64, 7, None)
    assert weights_sha256(registry.models_dir / entry.name) == sha256
    assert registry.healthy() == made[0] and registry.champion().is_base
    (again,) = [each for each in ModelRegistry(registry.models_dir).entries() if not each.is_base]
    assert again == entry and again.judgement == JUDGEMENT
    assert json.loads(json.dumps(entry.to_dict()))["judgement"]["classes"][0]["structure"] == "brain"


def test_promotion_and_rollback_down_to_the_base(registry: ModelRegistry, two: list[Entry], made: list[Path]) -> None:
    first, second = two
    other_process = ModelRegistry(registry.models_dir)
    assert registry.healthy() == other_process.healthy() == registry.models_dir / second.name
    assert states(registry) == {second.name: "champion", first.name: "retired", "base": "retired"}
    assert registry.rollback("ann", "worse").name == first.name
    assert other_process.healthy() == registry.models_dir / first.name
    assert registry.rollback().name == "base" and registry.healthy() == made[0]
    assert not (registry.models_dir / POINTER_FILE).exists()
    with pytest.raises(InputError, match="nothing to roll back to"):
        registry.rollback()
    last = [(event["event"], event["by"], event["reason"]) for event in registry.history()[-2:]]
    assert last == [("rolled back", "ann", "worse"), ("rolled back", "", "")]


def test_an_older_one_is_promoted_again_and_rolled_back_to_the_one_before(
    registry: ModelRegistry, two: list[Entry]
) -> None:
    registry.promote(two[0].name)
    registry.promote(two[0].name)
    assert registry.rollback().name == two[1].name
    registry.promote("base")
    assert registry.champion().is_base and registry.rollback().name == two[1].name


def test_withdrawn_weights_are_not_served_again_unless_somebody_says_so(
    registry: ModelRegistry, two: list[Entry]
) -> None:
    first, second = two
    assert registry.withdraw(second.name, "ann", "misses lesions").state == "withdrawn"
    assert registry.champion().name == first.name
    with pytest.raises(InputError, match=r"was withdrawn \(misses lesions\)"):
        registry.promote(second.name)
    registry.add(registry.models_dir / second.name, None, {})
    assert registry.find(second.name).state == "withdrawn", "made a second time they are the same weights"
    registry.withdraw(first.name)
    assert registry.champion().is_base
    with pytest.raises(InputError, match="nothing to roll back to"):
        registry.rollback()
    assert registry.promote(second.name, although_withdrawn=True).state == "champion"
    assert registry.rollback().is_base, "the one between was withdrawn"
    with pytest.raises(InputError, match="base weights cannot be withdrawn"):
        registry.withdraw("base")


@pytest.mark.parametrize("name", ["unet/diffusion_pytorch_model.safetensors", "sdseg.json", "vae/config.json"])
def test_a_damaged_champion_is_replaced_by_the_last_whole_one(
    registry: ModelRegistry, two: list[Entry], made: list[Path], name: str
) -> None:
    first, second = (registry.models_dir / entry.name for entry in two)
    mend = damage(second, name)
    assert registry.healthy() == first == ModelRegistry(registry.models_dir, made[0]).healthy()
    assert second.name in registry.state() and first.name in registry.state()
    assert registry.champion().name == second.name and registry.champion().state == "damaged"
    assert registry.served().name == first.name
    noted = [event for event in registry.history() if event["event"] == "trouble"]
    assert [(event["name"], event["serving"]) for event in noted] == [(second.name, first.name)], "once"
    shutil.rmtree(first)
    assert registry.healthy() == made[0]
    assert second.is_dir(), "nothing is deleted"
    with pytest.raises(InputError, match="its folder is missing"):
        registry.promote(first.name)
    mend()
    assert registry.healthy() == second and registry.state() == ""


def test_a_rollback_passes_over_a_damaged_one(registry: ModelRegistry, two: list[Entry]) -> None:
    damage(registry.models_dir / two[0].name)
    assert registry.rollback().is_base


def test_a_damaged_folder_is_kept_when_its_weights_come_again(
    registry: ModelRegistry, two: list[Entry], made: list[Path]
) -> None:
    champion = registry.models_dir / two[1].name
    damage(champion)
    assert registry.healthy() != champion
    registry.add(made[2], None, {})
    assert registry.healthy() == champion and registry.state() == ""
    assert (registry.models_dir / f"{champion.name}.damaged-1").is_dir()
    assert len(registry.entries()) == 3


def test_a_damaged_pointer(registry: ModelRegistry, two: list[Entry]) -> None:
    (registry.models_dir / POINTER_FILE).write_bytes(b"\0\0\0\0")
    assert registry.healthy() == registry.models_dir / two[1].name
    assert "pointer" in registry.state()
    assert registry.rollback().name == two[0].name and registry.state() == ""


def test_folders_of_earlier_versions_are_adopted(made: list[Path], tmp_path: Path) -> None:
    models = tmp_path / "models"
    folders = [publish(folder, models) for folder in made[1:3]]
    registry = ModelRegistry(models, made[0])
    assert registry.healthy() == folders[1] == models / registry.champion().name
    assert states(registry) == {folders[1].name: "champion", folders[0].name: "challenger", "base": "retired"}
    assert registry.find(folders[0].name[:6]).sha256 == weights_sha256(made[1])
    registry.promote(folders[0].name)
    assert registry.rollback().name == folders[1].name
    publish(made[1], models)  # the old way while there is a registry: the pointer is the truth
    assert registry.champion().name == folders[0].name and registry.rollback().name == folders[1].name


def test_names(registry: ModelRegistry, two: list[Entry]) -> None:
    assert registry.find(f" {two[0].sha256.upper()} ").name == two[0].name
    with pytest.raises(UnknownNameError, match="no weights 'zz' here; known are: "):
        registry.find("zz")
    with pytest.raises(UnknownNameError):
        registry.find("")


def test_a_judgement_against_others_promotes_nothing(registry: ModelRegistry, two: list[Entry]) -> None:
    with pytest.raises(ChampionChangedError):
        registry.promote(two[0].name, instead_of=two[0].sha256)
    assert registry.promote(two[0].name, instead_of=two[1].sha256).state == "champion"


def test_weights_for_another_task_are_not_promoted(registry: ModelRegistry, tmp_path: Path) -> None:
    entry = registry.add(micro_weights(tmp_path / "liver", 9, label="liver"), None, {})
    with pytest.raises(InputError, match="for liver, but sdseg for brain is served"):
        registry.promote(entry.name)
    assert registry.champion().is_base


def test_two_promotions_at_once_are_one_after_the_other(registry: ModelRegistry, two: list[Entry]) -> None:
    start = threading.Barrier(4)
    failed: list[Exception] = []

    def promote(number: int) -> None:
        mine = ModelRegistry(registry.models_dir, registry.base)
        start.wait()
        try:
            for _ in range(5):
                mine.promote(two[number % 2].name, by=str(number))
        except (SdsegError, OSError) as error:
            failed.append(error)

    threads = [threading.Thread(target=promote, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    switches = [event["name"] for event in registry.history() if event["event"] == "promoted"]
    assert all(a != b for a, b in pairwise(switches))
    assert switches[-1] == registry.champion().name == (registry.models_dir / POINTER_FILE).read_text().strip()
    assert not [event for event in registry.history() if event["event"] == "found"]


class Listener:
    """A mirror that writes down what it is told, or is away."""

    def __init__(self, away: bool = False) -> None:
        self.told: list[tuple[str, str]] = []
        self.away = away

    def added(self, entry: Entry, folder: Path) -> None:
        assert weights_sha256(folder) == entry.sha256
        self._note("added", entry)

    def promoted(self, entry: Entry) -> None:
        self._note("promoted", entry)

    def withdrawn(self, entry: Entry) -> None:
        self._note("withdrawn", entry)

    def champion(self) -> str | None:
        return None

    def _note(self, what: str, entry: Entry) -> None:
        if self.away:
            raise DeliveryError("The mirror is away.")
        self.told.append((what, entry.name))


def test_a_mirror_is_told_and_may_be_away(made: list[Path], tmp_path: Path) -> None:
    mirror = Listener()
    registry = ModelRegistry(tmp_path / "models", made[0], mirror)
    name = registry.promote(registry.add(made[1], None, {}).name).name
    registry.withdraw(name)
    assert mirror.told == [("added", name), ("promoted", name), ("withdrawn", name), ("promoted", "base")]
    mirror.away = True
    assert registry.promote(registry.add(made[2], None, {}).name).state == "champion"


@pytest.mark.parametrize("facts", [{"steps": float("nan")}, {"when": object()}])
def test_facts_are_plain_values(registry: ModelRegistry, made: list[Path], facts: Mapping[str, Any]) -> None:
    with pytest.raises(InputError, match="plain values for JSON"):
        registry.add(made[1], None, facts)


def test_no_weights_at_all(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no base weights are known"):
        ModelRegistry(tmp_path / "models").healthy()
    with pytest.raises(WeightsError):
        ModelRegistry(tmp_path / "models").add(tmp_path, None, {})


def test_a_judgement_goes_through_json_and_a_damaged_one_is_left_out(registry: ModelRegistry, made: list[Path]) -> None:
    assert Judgement.from_dict(json.loads(json.dumps(JUDGEMENT.to_dict()))) == JUDGEMENT
    with pytest.raises(InputError, match="judgement is damaged"):
        Judgement.from_dict({"accepted": True})
    entry = registry.add(made[1], replace(JUDGEMENT, reason="other"), {})
    path = registry.home / "history.jsonl"
    path.write_text(path.read_text().replace('"classes"', '"clauses"'))
    assert registry.find(entry.name).judgement is None
