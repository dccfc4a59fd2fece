"""One model in memory a device, whatever is served; weights that were replaced are noticed."""

import gc
import weakref
from pathlib import Path

import pytest
import torch
from helpers.models import save_tiny_weights

from sdseg.errors import InputError
from sdseg.model.weights import weights_sha256
from sdseg_app.jobs.memory import MemoryShortError, enough_memory
from sdseg_app.served.segmenters import LoadedModels, Segmenters
from sdseg_app.served.weights_choice import WeightsChoice


@pytest.fixture
def two_models(tmp_path: Path, weights: Path) -> tuple[Segmenters, Segmenters]:
    loaded = LoadedModels()
    other = save_tiny_weights(tmp_path / "other", seed=1)
    one, two = (Segmenters(WeightsChoice(folder, tmp_path / folder.name, None), loaded) for folder in (weights, other))
    return one, two


def test_another_model_on_the_device_takes_the_place_of_the_first(two_models: tuple[Segmenters, Segmenters]) -> None:
    one, two = two_models
    first = one.get("cpu")
    assert one.get("cpu") is first
    gone = weakref.ref(first.pipeline.unet)  # type: ignore[attr-defined]
    del first
    second = two.get("cpu")
    gc.collect()
    assert gone() is None, "the memory of the first must be free before others need it"
    assert second.weights_sha256 == two.sha256() != one.sha256()
    assert one.get("cpu") is not second


def test_clearing_lets_go_of_the_model(two_models: tuple[Segmenters, Segmenters]) -> None:
    one, two = two_models
    gone = weakref.ref(one.get("cpu").pipeline.unet)  # type: ignore[attr-defined]
    two.clear()
    gc.collect()
    assert gone() is None


def test_weights_replaced_in_their_folder_are_other_weights(tmp_path: Path) -> None:
    folder = save_tiny_weights(tmp_path / "weights")
    model = Segmenters(WeightsChoice(folder, tmp_path / "model", None))
    before, loaded = model.sha256(), model.get("cpu")
    assert before == weights_sha256(folder) == loaded.weights_sha256
    save_tiny_weights(tmp_path / "new", seed=5)
    for file in (tmp_path / "new").rglob("*.safetensors"):
        file.replace(folder / file.relative_to(tmp_path / "new"))
    assert model.sha256() == weights_sha256(folder) != before
    assert model.get("cpu").weights_sha256 == model.sha256()


def test_what_torch_says_of_short_memory_is_one_sentence_and_nothing_is_held() -> None:
    held: list[weakref.ref[torch.Tensor]] = []
    let_go: list[int] = []

    def use() -> None:
        small = torch.ones(1000)
        held.append(weakref.ref(small))
        try:
            torch.empty(2**50)
        except RuntimeError as error:
            raise InputError("The image cannot be read (something about an allocator).") from error

    short = pytest.raises(MemoryShortError, match="cpu has too little free memory")
    with short as told, enough_memory("cpu", lambda: let_go.append(1)):
        use()
    assert let_go == [1]
    gc.collect()
    assert held[0]() is None, told.value
    with pytest.raises(MemoryShortError, match="choose the device cpu"), enough_memory("cuda:0", lambda: None):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.")
    with pytest.raises(InputError, match="broken"), enough_memory("cpu", lambda: None):
        raise InputError("The image is broken.")
