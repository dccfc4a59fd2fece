"""Models in an evaluation: names, labels, steps."""

from pathlib import Path

import pytest
import torch
from helpers.models import save_tiny_weights, tiny_card, tiny_pipeline

from sdseg.errors import InputError, LabelError, WeightsError
from sdseg.evaluation.contestants import Contestant, choose_names, load_contestants
from sdseg.evaluation.steps import own_steps
from sdseg.inference.segmenter import Segmenter


def contestant() -> Contestant:
    return Contestant("tiny", Path("tiny"), Segmenter(tiny_pipeline(), tiny_card(), "0" * 64))


class OnePass:
    """A model without a reverse process."""

    image_size, classes = 64, None
    device, components = torch.device("cpu"), {}

    def __call__(self, image: torch.Tensor, seed: int = 0) -> torch.Tensor:
        return image.mean(dim=1, keepdim=True)


def test_models_of_one_name_are_told_apart(tmp_path: Path) -> None:
    folders = [save_tiny_weights(tmp_path / str(seed), seed) for seed in (0, 1)]
    first, second = load_contestants(folders, {"brain": 1})
    assert first.name != second.name
    for one in (first, second):
        assert one.name == f"brain-tiny {one.segmenter.weights_sha256[:8]}"
    assert [one.name for one in load_contestants(folders, {"brain": 1}, ["a", "b"])] == ["a", "b"]


def test_other_labels_are_refused_before_anything_is_loaded(tmp_path: Path) -> None:
    folder = save_tiny_weights(tmp_path / "weights")
    (folder / "unet" / "diffusion_pytorch_model.safetensors").write_bytes(b"never read")
    with pytest.raises(LabelError, match=r"brain \(1\), but the data set holds polyp \(1\)"):
        load_contestants([folder], {"polyp": 1})
    with pytest.raises(LabelError, match=r"brain \(2\)"):
        load_contestants([folder], {"skull": 1, "brain": 2})


def test_the_same_weights_twice_are_refused(tmp_path: Path) -> None:
    folder = save_tiny_weights(tmp_path / "weights")
    with pytest.raises(InputError, match="the same weights"):
        load_contestants([folder, folder], {"brain": 1})


def test_no_weights(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="not a weights folder"):
        load_contestants([tmp_path], {"brain": 1})


def test_names_must_fit() -> None:
    assert choose_names((), ["a", "b", "a"], ["1" * 64, "2" * 64, "3" * 64]) == ["a 11111111", "b", "a 33333333"]
    for names in (["x"], ["x", "x"]):
        with pytest.raises(InputError, match="different names"):
            choose_names(names, ["a", "b"], ["1" * 64, "2" * 64])


def test_steps_reach_the_model() -> None:
    image = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(1)) * 2 - 1
    one = contestant()
    three = one.with_steps(3)
    assert (one.steps, three.steps, three.with_steps(1).steps) == (1, 3, 1)
    assert torch.equal(three.model(image, seed=5), tiny_pipeline()(image, seed=5, num_inference_steps=3))
    assert torch.equal(three.with_steps(1).model(image, seed=5), one.model(image, seed=5))
    assert not torch.equal(three.model(image, seed=5), one.model(image, seed=5))
    with pytest.raises(InputError, match="at least one step"):
        one.with_steps(0)


def test_a_model_without_steps_has_none() -> None:
    model = Contestant("one pass", Path("x"), Segmenter(OnePass(), tiny_card(), "0" * 64))
    assert own_steps(OnePass()) is None
    assert model.steps == 1 and not model.takes_steps
    assert model.with_steps(1) is model
    with pytest.raises(InputError, match="one pass has no reverse process"):
        model.with_steps(2)
