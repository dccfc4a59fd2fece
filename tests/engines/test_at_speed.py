"""A segmenter at a speed: what runs, what is freed, what is refused."""

import gc
import weakref
from dataclasses import asdict
from pathlib import Path

import pytest
import torch
from helpers.models import save_tiny_weights, tiny_card, tiny_pipeline
from helpers.rivals import rival_card, tiny_rival

from sdseg.engines import at_speed as speeding
from sdseg.engines.at_speed import at_speed
from sdseg.engines.choice import Choice
from sdseg.engines.choice_key import choice_key
from sdseg.engines.choice_memory import Remembered, recall, remember
from sdseg.engines.engine import PLAIN
from sdseg.engines.speed import PLAIN_SPEED, Speed
from sdseg.errors import InputError, UnknownNameError, WeightsError
from sdseg.inference.provenance import facts_of, provenance_from, provenance_of
from sdseg.inference.segmenter import Segmenter
from sdseg.selection.scoring import score_slices

SHA256 = "0" * 64


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test meets what another remembered."""
    monkeypatch.setenv("SDSEG_CACHE", str(tmp_path / "cache"))


def test_speeds_are_checked() -> None:
    assert Speed() == Speed("auto", "full", "full") and PLAIN_SPEED.engine == PLAIN
    for wrong in ({"engine": "warp"}, {"decoder": "half"}, {"encoder": "Lite"}):
        with pytest.raises(UnknownNameError, match=f"no {next(iter(wrong))} .*choose one of"):
            Speed(**wrong)


def test_only_what_changes_masks_is_part_of_an_identity() -> None:
    assert Speed().identity == Speed("torch-bf16").identity == PLAIN_SPEED.identity == {}
    assert Speed("openvino-int8", "lite").identity == {"engine": "openvino-int8", "decoder": "lite"}
    assert Speed(encoder="lite").identity == {"encoder": "lite"}


def test_a_segmenter_is_plain_unless_told(tmp_path: Path) -> None:
    weights = save_tiny_weights(tmp_path / "weights")
    plain, auto = Segmenter.load(weights), Segmenter.load(weights, speed=Speed())
    assert plain.speed == PLAIN_SPEED and auto.speed.engine != "auto"
    slices = torch.rand(3, 3, 64, 64) * 2 - 1
    torch.testing.assert_close(auto.pipeline(slices), plain.pipeline(slices), atol=2e-2, rtol=0)
    named = Segmenter.load(weights, speed=Speed("torch-fp32"))
    assert named.speed.engine == "torch-fp32"
    torch.testing.assert_close(named.pipeline(slices), plain.pipeline(slices), atol=1e-4, rtol=0)


def test_retrained_weights_get_the_same_engine_without_measuring(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = Segmenter.load(save_tiny_weights(tmp_path / "one"), speed=Speed())
    monkeypatch.setattr("sdseg.engines.choice.measure", None)
    assert Segmenter.load(save_tiny_weights(tmp_path / "two", seed=1), speed=Speed()).speed == first.speed


def test_a_remembered_engine_that_is_wrong_for_these_weights_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine is made to run other weights than it was given."""
    key = choice_key(tiny_pipeline(), "cpu")
    remember(key, Remembered("torch-fp32", 0.001, ("others",)))
    real = speeding.speed_up
    monkeypatch.setattr(speeding, "speed_up", lambda pipeline, engine: real(tiny_pipeline(seed=5), engine))
    monkeypatch.setattr(speeding, "choose_for", lambda *_: Choice(PLAIN, 0.0, True))
    slices = torch.rand(2, 3, 64, 64) * 2 - 1
    found, speed = at_speed(tiny_pipeline, Path(), "cpu", Speed(), "mine")
    assert speed.engine == PLAIN and torch.equal(found(slices), tiny_pipeline()(slices))
    entry = recall(key)
    assert entry is not None and entry.agreed == ("others",)


def test_the_networks_that_an_engine_copied_are_freed() -> None:
    pipeline = tiny_pipeline()
    watched = [weakref.ref(part) for part in (pipeline.vae, pipeline)]
    handed = [pipeline]
    del pipeline
    fast, _ = at_speed(handed.pop, Path(), "cpu", Speed("torch-bf16"))
    gc.collect()
    assert fast is not None and not any(one() for one in watched)


def test_weights_without_lite_parts_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no lite decoder; make one with `sdseg distill"):
        Segmenter.load(save_tiny_weights(tmp_path / "weights"), speed=Speed(PLAIN, decoder="lite"))


def test_rivals_are_plain() -> None:
    rival = tiny_rival("basic_unet")
    assert at_speed(lambda: rival, Path(), "cpu", Speed()) == (rival, PLAIN_SPEED)
    for wrong in (Speed("torch-fp32"), Speed(decoder="lite")):
        with pytest.raises(InputError, match="Only SDSeg has engines"):
            at_speed(lambda: rival, Path(), "cpu", wrong)


def test_images_are_scored_alike_by_a_fast_pipeline() -> None:
    fast, _ = at_speed(tiny_pipeline, Path(), "cpu", Speed("torch-fp32"))
    slices = torch.rand(3, 3, 64, 64) * 2 - 1
    for found, expected in zip(score_slices(fast, slices, 3), score_slices(tiny_pipeline(), slices, 3), strict=True):
        assert found.uncertainty == pytest.approx(expected.uncertainty, abs=1e-3)
        assert found.embedding == pytest.approx(expected.embedding, abs=1e-4)


def test_the_provenance_tells_what_is_not_plain() -> None:
    plain = Segmenter(tiny_pipeline(), tiny_card(), SHA256)
    assert not {"engine", "decoder", "encoder"} & provenance_of(plain, 0).parameters.keys()
    fast = Segmenter(tiny_pipeline(), tiny_card(), SHA256, Speed("torch-bf16", "lite"))
    told = provenance_of(fast, 0).parameters
    assert (told["engine"], told["decoder"]) == ("torch-bf16", "lite") and "encoder" not in told
    exact = Segmenter(tiny_pipeline(), tiny_card(), SHA256, Speed("torch-fp32"))
    assert provenance_of(exact, 0).parameters["engine"] == "torch-fp32"
    assert repr(provenance_of(exact, 0)) == repr(provenance_of(plain, 0)) != repr(provenance_of(fast, 0))  # UIDs
    facts = facts_of(fast, 0)
    assert facts.items() >= asdict(fast.speed).items()
    before = {name: value for name, value in facts.items() if name not in asdict(fast.speed)}
    assert "engine" not in provenance_from(before).parameters  # kept by an older version
    rival = Segmenter(tiny_rival("basic_unet"), rival_card("basic_unet"), SHA256)
    assert "engine" not in provenance_of(rival, 0).parameters
