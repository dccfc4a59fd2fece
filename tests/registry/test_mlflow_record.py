"""MLflow without a server: what would be told, which MLflow is meant, and what is said where there is none."""

import os
import sys
from pathlib import Path

import pytest
from helpers.models import save_tiny_weights

from sdseg.errors import DeliveryError
from sdseg.judging.judgement import ClassJudgement, Judgement
from sdseg.registry.entry import Entry
from sdseg.registry.mlflow_mirror import mirror_from_environment
from sdseg.registry.mlflow_record import record_of
from sdseg.registry.registry import ModelRegistry
from sdseg.serving.launch import free_port


@pytest.fixture(autouse=True)
def no_mlflow(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("WARNING")  # commands that ran in this process set another one
    for name in ("MLFLOW_TRACKING_URI", "SDSEG_MLFLOW_MODEL", "MLFLOW_EXPERIMENT_NAME"):
        monkeypatch.delenv(name, raising=False)


def test_without_the_variable_there_is_no_mirror(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert mirror_from_environment(tmp_path / "brain") is None
    assert not caplog.records


def test_the_names_can_be_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://mlflow.hospital:8443/base")
    mirror = mirror_from_environment(tmp_path / "brain")
    assert mirror is not None and (mirror.model.name, mirror.model.experiment) == ("sdseg-brain", "sdseg")
    monkeypatch.setenv("SDSEG_MLFLOW_MODEL", "ward-3/{model}")
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "corrections")
    mirror = mirror_from_environment(tmp_path / "brain")
    assert mirror is not None and (mirror.model.name, mirror.model.experiment) == ("ward-3/brain", "corrections")


@pytest.mark.parametrize(
    "uri", ["sqlite:///mlflow.db", "mlflow.hospital:5000", "file:///mlruns", "http://", "http://a:b"]
)
def test_another_address_is_refused_in_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, uri: str
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    assert mirror_from_environment(tmp_path / "brain") is None
    (line,) = caplog.messages
    assert line.startswith("MLFLOW_TRACKING_URI must be the http or https address") and "\n" not in line


def test_without_its_client_the_line_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:5000")
    monkeypatch.setitem(sys.modules, "mlflow", None)  # Python's own way to say that there is none
    assert mirror_from_environment(tmp_path / "brain") is None
    (line,) = caplog.messages
    assert "pip install" in line and "\n" not in line


def test_where_nobody_listens_the_folder_serves_and_the_sentence_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = free_port()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://somebody:hidden-word@127.0.0.1:{port}")
    models_dir = tmp_path / "brain"
    mirror = mirror_from_environment(models_dir)
    assert mirror is not None
    mirror.catch_up()  # nothing was trained yet: nobody is asked
    registry = ModelRegistry(models_dir, save_tiny_weights(tmp_path / "base"), mirror)
    registry.promote(registry.add(save_tiny_weights(tmp_path / "new", seed=1), None, {}).name)
    assert registry.healthy().parent == models_dir
    with pytest.raises(DeliveryError) as trouble:
        mirror.catch_up()
    assert str(trouble.value).startswith(f"MLflow at http://127.0.0.1:{port} does not answer;")
    assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true"


def entry(judgement: Judgement | None = None, **facts: object) -> Entry:
    return Entry("a" * 64, "a" * 16, "challenger", "b" * 64, "2026-11-01T10:00:00+00:00", None, judgement, facts)


def test_only_figures_and_known_words_are_told() -> None:
    told = record_of(
        entry(by="annotator-1", steps=3, rate=1e-4, ema=True, data="/srv/SMITH", deep={"images": 2, "a b": 1})
    )
    assert told.params == {"by": "annotator-1", "steps": "3", "rate": "0.0001", "ema": "True", "deep.images": "2"}
    assert told.metrics == {} and told.report is None and told.tags["sdseg.verdict"] == "not judged"
    assert "/srv" not in repr(told)


def test_a_structure_without_figures_and_with_odd_letters() -> None:
    odd = ClassJudgement("kidney|left: ../a", None, None, None, None, None, 0, 0, True)
    told = record_of(entry(Judgement(False, "Worse.", 0.01, "b" * 64, "a" * 64, (odd,))))
    assert set(told.metrics) == {"judged/images", "judged/patients"}
    assert "kidney\\|left" in told.note and told.tags["sdseg.verdict"] == "not accepted"
