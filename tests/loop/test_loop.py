"""The whole loop over HTTP: next, infer, edit, store through DICOMweb, train, judge, promote, use, roll back."""

from pathlib import Path

import pytest
import requests
from helpers.forked import run_program
from loop.annotator import Annotator, dice, weights_in

from sdseg.model.weights import weights_sha256

pytestmark = pytest.mark.slow


def test_the_loop_and_the_net_below_it(annotator: Annotator, learnable: Path) -> None:
    server, base = annotator.server, weights_sha256(learnable)
    for _ in annotator.patients:
        annotator.correct(annotator.ask())
    assert len(annotator.seen) == len(annotator.patients), "nobody was asked for twice"
    nothing_left = server.post("/activelearning/sdseg_uncertainty", {"client_id": "reader-1"})
    assert nothing_left.ok and nothing_left.json() == {}, "a normal answer"
    first, judge = annotator.seen[0], annotator.judges[0]
    before = annotator.segmentation(judge)
    assert weights_in(before) == base == annotator.served()

    training = annotator.train(promote="judged")
    assert (training["state"], training["stage"]) == ("done", "publish"), training
    judgement = training["judgement"]
    assert judgement["accepted"] and training["promoted"], judgement["reason"]
    assert (judgement["images"], judgement["patients"]) == (2, 2), "those whom it did not learn from"
    (brain,) = judgement["classes"]
    assert brain["low"] > 0.2, "it learnt something"
    new = training["challenger_sha256"]
    assert training["champion_sha256"] == judgement["champion_sha256"] == base != new
    assert judgement["challenger_sha256"] == new == annotator.served()
    assert judgement["reason"] in training["detail"] and "served now" in training["detail"]
    curves = server.get("/jobs/training/curves").json()
    assert curves["steps"][-1] == 30 and curves["loss"][-1] < curves["loss"][0]

    assert annotator.segment(first)["weights_sha256"] == new
    after = annotator.segmentation(judge)
    assert weights_in(after) == new, "the next inference uses it and says so"
    assert dice(after, judge.truth()) > dice(before, judge.truth()) + 0.2

    rolled_back = server.post("/models/sdseg/rollback", {"reason": "The loop is tested."})
    assert rolled_back.ok, rolled_back.text
    again = annotator.segmentation(judge)
    assert weights_in(again) == base == annotator.served()
    assert (again.pixel_array == before.pixel_array).all(), "the old one serves again"
    entries = {entry["sha256"]: entry for entry in server.get("/models/sdseg").json()["entries"]}
    assert (entries[base]["state"], entries[new]["state"]) == ("champion", "retired")
    assert entries[new]["judgement"]["reason"] == judgement["reason"]


def test_the_same_on_the_command_line_beside_the_server(annotator: Annotator, tmp_path: Path) -> None:
    """Runs after the loop: everybody has a label, and the base serves again."""
    server, base = annotator.server, annotator.served()
    at = ("--model-dir", str(server.model_dir))
    trained = run_program(
        "sdseg.cli.main", "train", "--from-datastore", str(server.model_dir), "--start", "champion", "-o",
        str(tmp_path / "more"), "--max-steps", "30", "--learning-rate", "2e-3", "--batch-size", "4", "--val-split", "0",
    )  # fmt: skip
    assert trained.returncode == 0, trained.stderr
    judged = run_program("sdseg.cli.main", "models", "judge", str(tmp_path / "more" / "weights"), *at)
    assert judged.returncode == 0, judged.stderr
    assert "accepted=True\npromoted=False\n" in judged.stdout and "were to be judged only" in judged.stderr
    assert annotator.served() == base
    promoted = run_program("sdseg.cli.main", "models", "judge", str(tmp_path / "more" / "weights"), *at, "--promote")
    assert "accepted=True\npromoted=True\n" in promoted.stdout, promoted.stderr
    assert annotator.served() == weights_sha256(tmp_path / "more" / "weights"), "without a restart"
    back = run_program("sdseg.cli.main", "models", "rollback", *at)
    assert back.returncode == 0 and annotator.served() == base, back.stderr


def test_a_worse_model_is_kept_and_not_served_and_it_is_said_why(folder: Annotator) -> None:
    """Runs after the loop: the good model is there already, as is a label of everybody."""
    server = folder.server
    good = next(e for e in server.get("/models/sdseg").json()["entries"] if e["state"] == "retired")["sha256"]
    assert server.post("/models/sdseg/promote", {"name": good[:16], "reason": "Back to it."}).ok
    for patient in (one for one in folder.seen if one not in folder.judges):
        folder.correct(patient, 1 - patient.truth())
    training = folder.train(max_steps=20)
    assert training["state"] == "done" and not training["promoted"]
    assert (training["champion_sha256"], folder.served()) == (good, good)
    worse = training["challenger_sha256"]
    judgement = training["judgement"]
    assert not judgement["accepted"] and judgement["champion_sha256"] == good
    (brain,) = judgement["classes"]
    assert brain["worse"] and brain["difference"] < -0.1
    assert training["detail"] == f"The new weights are kept. {judgement['reason']}"
    assert "worse by more than 0.01: brain" in judgement["reason"]
    assert server.get("/info/").json()["train_stats"]["sdseg"]["judgement"] == judgement
    entries = {entry["sha256"]: entry for entry in server.get("/models/sdseg").json()["entries"]}
    assert entries[worse]["state"] == "challenger" and entries[worse]["judgement"] == judgement
    assert folder.segment(folder.judges[0])["weights_sha256"] == good


def test_what_was_asked_for_explicitly_is_served_unjudged_and_the_registry_says_so(folder: Annotator) -> None:
    training = folder.train(max_steps=2, promote="always", name="by_hand")
    assert training["promoted"] and training["judgement"] is None
    assert training["detail"] == "The new weights are served now, unjudged, as was asked for."
    assert folder.served() == training["challenger_sha256"]
    entries = {entry["sha256"]: entry for entry in folder.server.get("/models/sdseg").json()["entries"]}
    assert entries[training["challenger_sha256"]]["judgement"] is None


def test_an_inference_during_a_training_is_answered_by_the_old_weights(folder: Annotator) -> None:
    before = folder.served()
    assert folder.server.post("/train/sdseg", {"max_epochs": 10000, "minutes": 60, "name": "long"}).ok
    assert folder.segment(folder.seen[0])["weights_sha256"] == before
    stopped = requests.delete(f"{folder.server.url}/train/", timeout=60)
    assert stopped.json()["status"] == "STOPPED"
    assert folder.training()["state"] == "stopped" and folder.served() == before
