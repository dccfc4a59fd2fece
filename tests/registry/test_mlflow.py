"""MLflow as a second registry: a real MLflow server with SQLite, looked at through its REST interface."""

import json
import multiprocessing
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from faults.http_gate import HttpFault, HttpGate
from faults.waiting import wait_for
from helpers.models import save_tiny_weights
from registry.mlflow_server import MlflowServer, mlflow_server
from typer.testing import CliRunner

from sdseg.cli import models
from sdseg.errors import DeliveryError, WeightsError
from sdseg.judging.judgement import ClassJudgement, Judgement
from sdseg.model.weights import current, weights_sha256
from sdseg.registry.entry import Entry
from sdseg.registry.mlflow_mirror import MlflowMirror
from sdseg.registry.mlflow_model import MlflowModel
from sdseg.registry.mlflow_sync import bring_together
from sdseg.registry.registry import ModelRegistry
from sdseg.serving.launch import free_port
from sdseg_app.served.weights_choice import WeightsChoice

pytestmark = pytest.mark.slow
FACTS = {
    "by": "annotator-1",
    "steps": 40,
    "seconds": 12.5,
    "labels": {"images": 3, "patients": 2},
    "patient": "SMITH^JOHN",
    "image": "/srv/archive/SMITH/1.dcm",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowServer]:
    with mlflow_server(tmp_path_factory.mktemp("mlflow")) as running:
        yield running


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Weights of three seeds: the base and two challengers."""
    home = tmp_path_factory.mktemp("made")
    return [save_tiny_weights(home / str(seed), seed) for seed in range(3)]


class Site:
    """A registry in a folder whose name no other test has, with MLflow as its mirror."""

    def __init__(self, home: Path, made: list[Path], url: str) -> None:
        self.made = made
        self.models_dir = home / home.name
        self.models_dir.mkdir()
        self.name = f"sdseg-{home.name}"
        self.mirror = MlflowMirror(self.models_dir, MlflowModel(url, self.name, "sdseg"))
        self.registry = ModelRegistry(self.models_dir, made[0], self.mirror)

    def add(self, number: int, judgement: Judgement | None = None) -> Entry:
        return self.registry.add(self.made[number], judgement, FACTS)

    def served(self) -> str:
        return self.registry.healthy().name


@pytest.fixture
def site(tmp_path: Path, made: list[Path], server: MlflowServer) -> Site:
    return Site(tmp_path, made, server.url)


def judgement(made: list[Path]) -> Judgement:
    scores = ((0.80, 0.90), (0.70, 0.76))
    brain = ClassJudgement("brain (whole)", 0.75, 0.83, 0.08, 0.06, 0.10, 2, 2, False, scores)
    return Judgement(True, "Better on brain.", 0.01, weights_sha256(made[0]), weights_sha256(made[1]), (brain,), 2, 2)


def test_a_challenger_becomes_a_run_and_a_version(site: Site, server: MlflowServer, made: list[Path]) -> None:
    entry = site.add(1, judgement(made))
    site.mirror.catch_up()
    (version,) = server.versions(site.name)
    assert server.aliases(site.name) == {"challenger": version["version"]}
    tags = version["tags"]
    assert tags["sdseg.weights_sha256"] == entry.sha256 == weights_sha256(made[1])
    assert tags["sdseg.by"] == "annotator-1" and tags["sdseg.made"] == entry.made
    run = server.run(version["run_id"])
    assert run["params"] == {
        "by": "annotator-1", "steps": "40", "seconds": "12.5", "labels.images": "3", "labels.patients": "2",
    }  # fmt: skip
    dice = {"champion": 0.75, "challenger": 0.83, "difference": 0.08, "low": 0.06, "high": 0.10}
    brain = {f"brain _whole_/{figure}": value for figure, value in dice.items()}
    assert run["metrics"] == {**brain, "judged/images": 2, "judged/patients": 2}
    assert "Better on brain." in run["tags"]["mlflow.note.content"]
    kept = {f"weights/{path.relative_to(made[1])}" for path in made[1].rglob("*") if path.is_file()}
    assert server.files(version["run_id"]) == {"judgement.json", *kept}
    report = json.loads(server.stored(version["run_id"], "judgement.json").read_text())
    assert Judgement.from_dict(report) == judgement(made)


def test_no_patient_and_no_path_of_this_machine_is_told(site: Site, server: MlflowServer, made: list[Path]) -> None:
    site.add(1, judgement(made))
    site.mirror.catch_up()
    told = server.database.read_bytes()
    assert site.name.encode() in told
    assert not [word for word in (str(site.models_dir), str(made[1]), "SMITH", "/srv/") if word.encode() in told]


def test_nobody_but_the_server_is_asked(tmp_path: Path, made: list[Path], server: MlflowServer) -> None:
    """MLflow's client would send usage data to its makers."""
    asked: list[object] = []
    sys.addaudithook(lambda event, values: asked.append(values[1]) if event == "socket.connect" else None)
    with HttpGate(server, free_port()) as gate:  # a port that no connection is kept to
        site = Site(tmp_path, made, f"http://127.0.0.1:{gate.port}")
        site.add(1)
        site.mirror.catch_up()
        assert set(asked) == {("127.0.0.1", gate.port), ("127.0.0.1", server.http_port)}


def test_what_is_lost_here_holds_nothing_up(site: Site, server: MlflowServer) -> None:
    lost, damaged, whole = site.add(0), site.add(1), site.add(2)
    site.registry.withdraw(lost.name)
    shutil.rmtree(site.models_dir / lost.name)
    (site.models_dir / damaged.name / "sdseg.json").unlink()
    site.mirror.catch_up()
    (version,) = server.versions(site.name)
    assert version["tags"]["sdseg.weights_sha256"] == whole.sha256


def test_the_app_that_serves_tells_it(
    tmp_path: Path, made: list[Path], server: MlflowServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.url)
    choice = WeightsChoice(made[0], tmp_path / tmp_path.name, None)
    choice.note_start()
    choice.registry.promote(choice.registry.add(made[1], None, {}).name)
    wait_for(lambda: server.aliases(f"sdseg-{tmp_path.name}") == {"champion": "1"}, "MLflow was not told")


def test_the_aliases_follow_promotion_rollback_and_withdrawal(site: Site, server: MlflowServer) -> None:
    first, second = site.add(1), site.add(2)
    site.mirror.catch_up()
    one, two = (version["version"] for version in server.versions(site.name))
    assert server.aliases(site.name) == {"challenger": two}
    for change, expected in [
        (lambda: site.registry.promote(first.name), {"champion": one, "challenger": two}),
        (lambda: site.registry.promote(second.name), {"champion": two}),
        (lambda: site.registry.rollback(), {"champion": one}),
        (lambda: site.registry.withdraw(first.name), {}),  # the base is served, which MLflow does not hold
    ]:
        change()
        site.mirror.catch_up()
        assert server.aliases(site.name) == expected
    assert [version["tags"].get("withdrawn") for version in server.versions(site.name)] == ["true", None]
    site.mirror.catch_up()
    assert len(server.versions(site.name)) == 2


def test_an_alias_moved_in_mlflow_is_followed_on_request(site: Site, server: MlflowServer) -> None:
    first, second = site.add(1), site.add(2)
    site.registry.promote(first.name)
    site.mirror.catch_up()
    server.move(site.name, "champion", "2")
    site.mirror.catch_up()
    assert server.aliases(site.name)["champion"] == "2" and site.served() == first.name
    followed = bring_together(site.registry, site.mirror, by="annotator-1")
    assert followed is not None and followed.name == second.name == site.served()
    assert site.registry.history()[-1]["by"] == "annotator-1"
    assert bring_together(site.registry, site.mirror) is None
    assert server.aliases(site.name) == {"champion": "2"}


def test_the_command_follows_it_too(site: Site, server: MlflowServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.url)
    first = site.add(1)
    command = ["sync", "--model-dir", str(site.models_dir.parent), "--model", site.models_dir.name]
    told = CliRunner().invoke(models.app, command)
    assert told.exit_code == 0 and told.output == f"MLflow knows all weights ({site.name} at {server.url}).\n"
    server.move(site.name, "champion", "1")
    told = CliRunner().invoke(models.app, command)
    assert told.exit_code == 0 and f"{first.name} is served from now on" in told.output
    assert site.served() == first.name


def test_a_promotion_here_that_mlflow_had_not_heard_of_wins(site: Site, server: MlflowServer) -> None:
    first, second = site.add(1), site.add(2)
    site.mirror.catch_up()
    server.move(site.name, "champion", "2")
    site.registry.promote(first.name)
    assert bring_together(site.registry, site.mirror) is None
    assert site.served() == first.name and server.aliases(site.name) == {"champion": "1", "challenger": "2"}
    assert second.state == "challenger"


def test_weights_that_are_lost_here_are_fetched(site: Site, server: MlflowServer, made: list[Path]) -> None:
    lost = site.add(1)
    site.mirror.catch_up()
    shutil.rmtree(site.models_dir / lost.name)
    server.move(site.name, "champion", "1")
    assert bring_together(site.registry, site.mirror) is not None
    assert site.served() == lost.name and weights_sha256(site.models_dir / lost.name) == lost.sha256
    assert not list(site.models_dir.glob(".*part*"))


@pytest.mark.parametrize("file", ["unet/diffusion_pytorch_model.safetensors", "vae/config.json"])
def test_weights_that_were_changed_in_mlflow_are_refused(site: Site, server: MlflowServer, file: str) -> None:
    lost = site.add(1)
    site.mirror.catch_up()
    (version,) = server.versions(site.name)
    kept = server.stored(version["run_id"], f"weights/{file}")
    kept.write_bytes(kept.read_bytes().replace(b"1", b"2"))
    shutil.rmtree(site.models_dir / lost.name)
    server.move(site.name, "champion", "1")
    with pytest.raises(WeightsError, match="not what their SHA-256 says"):
        bring_together(site.registry, site.mirror)
    assert current(site.models_dir) is None and not (site.models_dir / lost.name).exists()


def test_what_is_not_ours_is_not_followed(site: Site, server: MlflowServer) -> None:
    first = site.add(1)
    site.registry.promote(first.name)
    site.mirror.catch_up()
    (ours,) = server.versions(site.name)
    server.ask("POST", "model-versions/create", name=site.name, source=ours["source"], run_id=ours["run_id"])
    server.move(site.name, "champion", "2")
    with pytest.raises(DeliveryError, match=r"Version 2 of .* has no tag"):
        bring_together(site.registry, site.mirror)
    assert site.served() == first.name


def test_what_mlflow_forgot_is_sent_again(site: Site, server: MlflowServer) -> None:
    first = site.add(1)
    site.mirror.catch_up()
    server.ask("DELETE", "registered-models/delete", name=site.name)
    site.registry.promote(first.name)
    with pytest.raises(DeliveryError):
        site.mirror.catch_up()
    site.mirror.catch_up()
    (version,) = server.versions(site.name)
    assert server.aliases(site.name) == {"champion": version["version"]}


@pytest.mark.parametrize("fault", [HttpFault.UNAUTHORISED, HttpFault.UNAVAILABLE, HttpFault.RESET])
def test_trouble_is_one_sentence_and_caught_up_later(
    tmp_path: Path, made: list[Path], server: MlflowServer, fault: HttpFault
) -> None:
    with HttpGate(server, free_port()) as gate:
        site = Site(tmp_path, made, f"http://somebody:hidden-word@127.0.0.1:{gate.port}")
        gate.fault = fault
        entry = site.registry.promote(site.add(1).name)
        assert site.served() == entry.name
        with pytest.raises(DeliveryError) as trouble:
            site.mirror.catch_up()
        told = str(trouble.value)
        assert f"127.0.0.1:{gate.port}" in told and "hidden-word" not in told and told.count(". ") == 0
        assert ("credentials" in told) == (fault is HttpFault.UNAUTHORISED)
        gate.fault = HttpFault.NONE
        site.mirror.catch_up()
        assert server.aliases(site.name) == {"champion": "1"}


def test_a_server_tells_in_the_background_and_waits_for_nobody(
    tmp_path: Path, made: list[Path], server: MlflowServer
) -> None:
    with HttpGate(server, free_port()) as gate:
        gate.fault = HttpFault.HANG
        site = Site(tmp_path, made, f"http://127.0.0.1:{gate.port}")
        site.mirror.keep_up()
        entry = site.registry.promote(site.add(1).name)
        wait_for(lambda: gate.met[HttpFault.HANG], "nobody asked MLflow")
        assert site.served() == entry.name
        site.registry.rollback()
        site.registry.promote(entry.name)
        gate.fault = HttpFault.NONE
        wait_for(lambda: server.aliases(site.name) == {"champion": "1"}, "MLflow was not told")


def test_killed_half_way_it_is_told_once(tmp_path: Path, made: list[Path], server: MlflowServer) -> None:
    """kill -9 while the weights are on their way: the next process goes on with the same run."""
    runs = set(server.home.glob("artifacts/*/*"))
    with HttpGate(server, free_port()) as gate:
        site = Site(tmp_path, made, f"http://127.0.0.1:{gate.port}")
        site.add(1)
        # Forked: it would take another process longer to import torch than to do the rest.
        process = multiprocessing.get_context("fork").Process(target=site.mirror.catch_up)
        process.start()
        wait_for(lambda: set(server.home.glob("artifacts/*/*")) - runs, "nothing was sent")
        gate.fault = HttpFault.HANG
        process.kill()
        process.join()
        gate.fault = HttpFault.NONE
        site.mirror.catch_up()
    (version,) = server.versions(site.name)
    assert [run.name for run in set(server.home.glob("artifacts/*/*")) - runs] == [version["run_id"]]
    sent = {path.removeprefix("weights/") for path in server.files(version["run_id"])}
    assert sent == {str(path.relative_to(made[1])) for path in made[1].rglob("*") if path.is_file()}
