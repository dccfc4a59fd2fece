"""A rival beside SDSeg: its own weights, results, provenance and training."""

from collections.abc import Iterator
from pathlib import Path

import pydicom
import pytest
from app.running_server import Image, Server, copy_sample, free_port, run_server, run_until_exit, stock_command
from helpers.rivals import save_tiny_rival

from sdseg.model.weights import weights_sha256

MODELS = {"sdseg": "SDSeg brain-tiny", "unet": "BasicUNet brain-rival"}  # and what a SEG calls their algorithm


@pytest.fixture(scope="module")
def rival(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_rival(tmp_path_factory.mktemp("rival") / "brain-rival", seed=2)


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory, weights: Path, rival: Path) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("both")
    copy_sample(home / "studies")
    yield from run_server(home, home / "studies", weights, unet=rival)


def test_both_are_listed(both: Server, weights: Path, rival: Path) -> None:
    info = both.get("/info/").json()
    assert list(info["models"]) == list(info["trainers"]) == ["sdseg", "unet"]
    assert info["labels"] == ["brain"]
    assert "BasicUNet" in info["models"]["unet"]["description"]
    assert "seed" in info["models"]["sdseg"]["config"] and "seed" not in info["models"]["unet"]["config"]
    checksums = [both.get(f"/model/info/{name}").json()["checksum"] for name in ("sdseg", "unet")]
    assert checksums == [f"SHA256:{weights_sha256(folder)}" for folder in (weights, rival)]


def test_the_seg_names_the_algorithm_that_made_it(both: Server, image: Image, weights: Path, rival: Path) -> None:
    told = {name: both.infer(image.uid, model=name, params={"save_seg": True}, output="json") for name in MODELS}
    for name, folder in zip(MODELS, (weights, rival), strict=True):
        assert told[name].ok, told[name].text
        dataset = pydicom.dcmread(told[name].json()["seg"]["path"])
        (algorithm,) = dataset.SegmentSequence[0].SegmentationAlgorithmIdentificationSequence
        assert f"weights_sha256={weights_sha256(folder)}" in algorithm.AlgorithmParameters
        assert algorithm.AlgorithmName == MODELS[name]
        random = "seed=0" in algorithm.AlgorithmParameters and "steps=1" in algorithm.AlgorithmParameters
        assert random == (name == "sdseg")
        description = dataset.ContributingEquipmentSequence[0].ContributionDescription
        assert ("diffusion" in description) == (name == "sdseg")


def test_a_label_drawn_after_the_rival_names_the_rival(both: Server, image: Image, box: Path) -> None:
    assert both.infer(image.uid, model="unet", output="json").ok
    assert both.save_label(image.uid, box, label_info=[{"name": "brain", "idx": 1}]).ok
    record = both.get("/datastore/label/info", label=image.uid, tag="final").json()
    (path,) = both.studies.rglob(f"{record['dicom_seg']['instance']}.dcm")
    (algorithm,) = pydicom.dcmread(path).SegmentSequence[0].SegmentationAlgorithmIdentificationSequence
    assert algorithm.AlgorithmName == MODELS["unet"]


@pytest.mark.slow
def test_the_rival_is_trained_and_sdseg_stays(both: Server, image: Image, box: Path, weights: Path) -> None:
    assert both.save_label(image.uid, box, label_info=[{"name": "brain", "idx": 1}]).ok
    steps = {"max_steps": 2, "train_batch_size": 2, "val_split": 0.0, "name": "from_test", "promote": "always"}
    started = both.post("/train/unet", steps)
    assert started.ok, started.text
    task = both.wait_for("/train/")
    assert task["status"] == "DONE", task["details"]
    stats = both.get("/info/").json()["train_stats"]
    assert stats["unet"]["steps"] == 2 and not stats["sdseg"]
    trained, untouched = (both.infer(image.uid, model=name, output="json").json() for name in ("unet", "sdseg"))
    assert trained["weights_sha256"] == stats["unet"]["weights_sha256"]
    assert untouched["weights_sha256"] == weights_sha256(weights)
    assert (both.model_dir / "unet" / "current").is_file() and not (both.model_dir / "sdseg" / "current").exists()


@pytest.mark.slow
def test_a_start_without_weights_is_one_line(tmp_path: Path, weights: Path) -> None:
    copy_sample(tmp_path / "studies")
    conf = ("model_dir", str(tmp_path / "model"), "weights", str(weights))
    command = stock_command(tmp_path / "studies", *conf, port=free_port(), models="sdseg,liver")
    ended = run_until_exit(command, tmp_path)
    output = ended.stdout + ended.stderr
    assert ended.returncode != 0
    assert len([line for line in output.splitlines() if "give its weights with --conf liver_weights" in line]) == 1
    assert "Traceback" not in output, output
