"""The server's engine, and the lite parts that a request may name."""

from collections.abc import Iterator

import nrrd
import numpy as np
import pytest
from app.running_server import Image, Server, copy_sample, run_server

from sdseg.engines.speed import PARTS
from sdseg.errors import InputError, UnknownNameError
from sdseg.inference.segmenter import Segmenter
from sdseg_app.params.infer_params import InferParams
from sdseg_app.settings import AppSettings


@pytest.fixture(scope="module")
def fast_server(tmp_path_factory: pytest.TempPathFactory, weights) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("fast")
    copy_sample(home / "studies" / "patient" / "t1")
    yield from run_server(home, home / "studies", weights, {"engine": "torch-fp32"})


def test_the_engine_of_the_settings_answers(fast_server: Server, image: Image, tmp_path) -> None:
    told = fast_server.infer(image.uid, output="json").json()
    assert (told["engine"], told["decoder"], told["encoder"]) == ("torch-fp32", "full", "full")
    (model,) = fast_server.get("/status/").json()["models"]
    assert model["runs"] == "engine torch-fp32"
    mask = tmp_path / "mask.nrrd"
    mask.write_bytes(fast_server.infer(image.uid, output="image").content)
    found, _ = nrrd.read(str(mask))
    expected = Segmenter.load(fast_server.weights).segment(fast_server.studies / "patient" / "t1").labelmap
    assert 2 * (found & expected).sum() / (found.sum() + expected.sum()) >= 0.999
    assert not np.array_equal(found, np.zeros_like(found))


@pytest.mark.parametrize("part", PARTS)
def test_parts_that_there_are_not_are_refused(fast_server: Server, image: Image, part: str) -> None:
    wrong = fast_server.infer(image.uid, params={part: "half"})
    assert wrong.status_code == 422 and f"{part} must be full or lite" in wrong.json()["detail"]
    missing = fast_server.infer(image.uid, params={part: "lite"})
    assert 400 <= missing.status_code < 500 and f"no lite {part}" in missing.json()["detail"]
    assert fast_server.infer(image.uid, params={part: "full"}, output="json").status_code == 200


def test_settings_are_checked(tmp_path) -> None:
    settings = AppSettings.from_conf({"engine": "torch-bf16", "decoder": "lite"}, tmp_path)
    assert (settings.speed.engine, settings.speed.decoder, settings.speed.encoder) == ("torch-bf16", "lite", "full")
    for conf in ({"engine": "warp"}, {"decoder": "half"}, {"encoder": "half"}, {"unet": "half"}):
        with pytest.raises((InputError, UnknownNameError), match=next(iter(conf.values()))):
            AppSettings.from_conf(conf, tmp_path)


def test_a_request_names_parts_or_leaves_them_to_the_server() -> None:
    assert (InferParams.parse({}).decoder, InferParams.parse({"decoder": ""}).encoder) == (None, None)
    asked = InferParams.parse({"decoder": ["lite", "full"], "encoder": "full", "unet": "lite"})
    assert asked.parts == {"decoder": "lite", "encoder": "full", "unet": "lite"}
    assert asked.as_request()["decoder"] == "lite"
