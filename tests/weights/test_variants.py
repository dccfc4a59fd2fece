"""Models that the authors' naming cannot express, and weights for inference alone."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.golden import DECODED, Golden
from helpers.models import save_tiny_weights, tiny_card, tiny_pipeline

from sdseg.cli.main import main
from sdseg.cli.weights import describe
from sdseg.errors import WeightsError
from sdseg.model.mask_decoder import MaskDecoder
from sdseg.model.presets import get_preset
from sdseg.model.weights import load_weights, save_weights, weights_sha256
from sdseg.rivals import build_rival
from sdseg.weights.export import export_weights
from sdseg.weights.importing import import_weights
from sdseg.weights.info import read_info
from sdseg.weights.sizes import untold
from sdseg.weights.source import Choices

VARIANTS = [
    ({"conditioning": "cross_attention"}, "conditioned by cross-attention"),
    ({"prediction_type": "sample"}, "predicts 'sample' instead of epsilon"),
    ({"prediction_type": "v_prediction"}, "predicts 'v_prediction' instead of epsilon"),
]


@pytest.mark.parametrize(("variant", "words"), VARIANTS)
def test_variants_are_described_and_not_exported(variant: dict[str, Any], words: str, tmp_path: Path) -> None:
    save_weights(tiny_pipeline(**variant), tiny_card(), tmp_path / "weights", torch.float32)
    told = read_info(tmp_path / "weights")
    assert told.deviations == (words,)
    assert f"kind          sdseg; {words}" in describe(told)
    with pytest.raises(WeightsError, match=rf"cannot be expressed .*{re.escape(words)}"):
        export_weights(tmp_path / "weights", tmp_path / "a.ckpt")
    assert not (tmp_path / "a.ckpt").exists()


@pytest.mark.parametrize(("variant", "words"), VARIANTS)
def test_variants_are_saved_anew(variant: dict[str, Any], words: str, tmp_path: Path) -> None:
    pipeline = tiny_pipeline(**variant)
    save_weights(pipeline, tiny_card(), tmp_path / "first", torch.float32)
    import_weights(str(tmp_path / "first"), tmp_path / "second")
    assert read_info(tmp_path / "second").deviations == (words,)
    image = torch.zeros(1, 3, 64, 64)
    torch.testing.assert_close(load_weights(tmp_path / "second")(image), pipeline(image), atol=1e-4, rtol=0)


def test_a_frozen_encoder_is_weights_like_others(tmp_path: Path) -> None:
    save_weights(tiny_pipeline(frozen_encoder=True), tiny_card(), tmp_path / "weights", torch.float32)
    assert read_info(tmp_path / "weights").deviations == ()
    export_weights(tmp_path / "weights", tmp_path / "a.ckpt")
    import_weights(str(tmp_path / "a.ckpt"), tmp_path / "second")
    assert read_info(tmp_path / "second").components == read_info(tmp_path / "weights").components


def test_for_inference_only_the_golden_model_computes_the_same(tmp_path: Path) -> None:
    golden = Golden("binary")
    source = str(golden.save(tmp_path / "a.ckpt"))
    import_weights(source, tmp_path / "whole", choices=Choices(heads=golden.heads))
    import_weights(source, tmp_path / "half", choices=Choices(heads=golden.heads), inference_only=True)
    whole, half = read_info(tmp_path / "whole"), read_info(tmp_path / "half")
    encoder = sum(
        tensor.numel()
        for name, tensor in golden.state_dict.items()
        if name.startswith(("first_stage_model.encoder.", "first_stage_model.quant_conv."))
    )
    assert (
        sum(part.parameters for part in whole.components) - sum(part.parameters for part in half.components) == encoder
    )
    assert half.size < whole.size - 4 * encoder
    assert half.scale_factor == whole.scale_factor
    assert "kind          sdseg; for inference only, without the mask encoder" in describe(half)
    pipelines = load_weights(tmp_path / "whole"), load_weights(tmp_path / "half")
    assert isinstance(pipelines[1].vae, MaskDecoder)
    with torch.inference_mode():
        decoded = pipelines[1].decode_mask_latent(golden.tensors["out/z0"][:1])
    torch.testing.assert_close(decoded, golden.tensors["out/decoded_slice0"], atol=DECODED, rtol=0)
    masks = [pipeline(golden.slices[:1], seed=0) for pipeline in pipelines]
    torch.testing.assert_close(masks[0], masks[1], atol=1e-4, rtol=0)


def test_what_was_saved_for_inference_only_stays_so(tmp_path: Path) -> None:
    save_tiny_weights(tmp_path / "whole")
    card = import_weights(str(tmp_path / "whole"), tmp_path / "half", inference_only=True)
    assert card.preset == "tiny"
    with pytest.raises(WeightsError, match=r"inference only.*pass the folder itself on"):
        export_weights(tmp_path / "half", tmp_path / "a.ckpt")
    import_weights(str(tmp_path / "half"), tmp_path / "again")
    assert read_info(tmp_path / "again").components == read_info(tmp_path / "half").components
    with pytest.raises(WeightsError, match="lacks weights"):
        import_weights(str(tmp_path / "half" / "vae"), tmp_path / "start")
    with pytest.raises(WeightsError, match="cannot be trained"):
        load_weights(tmp_path / "half").vae.encode(torch.zeros(1, 3, 64, 64))


def test_a_start_of_a_training_needs_its_mask_encoder(tmp_path: Path) -> None:
    save_tiny_weights(tmp_path / "whole")
    with pytest.raises(WeightsError, match="leave out --inference-only"):
        import_weights(str(tmp_path / "whole" / "vae"), tmp_path / "start", inference_only=True)
    assert not (tmp_path / "start").exists()


def test_image_sizes_that_two_presets_share_their_widths_over_are_told() -> None:
    assert untold(get_preset("small")) == untold(get_preset("small256")) == ("image_size",)
    assert untold(get_preset("sd")) == ()


def test_a_rival_is_described_and_not_exported(tmp_path: Path) -> None:
    card = replace(tiny_card(), name="rival", kind="basic_unet")
    save_weights(build_rival("basic_unet", 64, preset="tiny"), card, tmp_path / "rival", torch.float32)
    told = read_info(tmp_path / "rival")
    assert (told.scale_factor, told.unet, told.deviations) == (None, {}, ())
    lines = describe(told)
    assert "kind          basic_unet" in lines
    assert f"sha256        {weights_sha256(tmp_path / 'rival')}" in lines
    assert not any(line.startswith("scale factor") for line in lines)
    assert sum(part.parameters for part in told.components) > 0
    with pytest.raises(WeightsError, match="kind 'basic_unet', which cannot be used here"):
        export_weights(tmp_path / "rival", tmp_path / "a.ckpt")
    with pytest.raises(WeightsError, match="kind 'basic_unet', which cannot be used here"):
        import_weights(str(tmp_path / "rival"), tmp_path / "again")


def test_the_command_leaves_the_mask_encoder_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    save_tiny_weights(tmp_path / "whole")
    monkeypatch.setenv("SDSEG_DEBUG", "1")
    arguments = ["import", str(tmp_path / "whole"), "-o", str(tmp_path / "half"), "--inference-only"]
    monkeypatch.setattr("sys.argv", ["sdseg", "weights", *arguments])
    with pytest.raises(SystemExit) as left:
        main()
        raise SystemExit(0)
    assert not left.value.code
    assert f"weights={tmp_path / 'half'}" in capsys.readouterr().out
    assert read_info(tmp_path / "half").deviations == ("for inference only, without the mask encoder",)
