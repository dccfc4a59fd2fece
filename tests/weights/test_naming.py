"""The key map at the paper's size, without its memory: known pairs, and nothing named twice."""

import pytest
import torch

from sdseg.model.presets import get_preset
from sdseg.weights.assemble import Skeleton
from sdseg.weights.layout import Place, shapes, to_ours, to_theirs
from sdseg.weights.naming import autoencoder_places, ema_name, unet_places, vision_encoder_places
from sdseg.weights.sizes import autoencoder_sizes, complete, unet_shape

SD = get_preset("sd")


@pytest.fixture(scope="module")
def skeleton() -> Skeleton:
    return Skeleton.of(SD, classes=9)


@pytest.fixture(scope="module")
def unet(skeleton: Skeleton) -> dict[str, Place]:
    return unet_places(skeleton.unet.state_dict(), layers=2)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("unet.conv_in.weight", "input_blocks.0.0.weight"),
        ("unet.down_blocks.0.resnets.1.conv1.bias", "input_blocks.2.0.in_layers.2.bias"),
        ("unet.down_blocks.0.downsamplers.0.time_emb_proj.weight", "input_blocks.3.0.emb_layers.1.weight"),
        ("unet.down_blocks.1.attentions.0.to_k.weight", "input_blocks.4.1.qkv.weight"),
        ("unet.down_blocks.4.resnets.1.norm2.weight", "input_blocks.14.0.out_layers.0.weight"),
        ("unet.mid_block.attentions.0.to_out.0.bias", "middle_block.1.proj_out.bias"),
        ("unet.mid_block.resnets.1.conv2.weight", "middle_block.2.out_layers.3.weight"),
        ("unet.up_blocks.0.upsamplers.0.conv1.weight", "output_blocks.2.1.in_layers.2.weight"),
        ("unet.up_blocks.1.upsamplers.0.conv1.weight", "output_blocks.5.2.in_layers.2.weight"),
        ("unet.up_blocks.4.resnets.2.conv_shortcut.weight", "output_blocks.14.0.skip_connection.weight"),
        ("unet.class_embedding.weight", "label_emb.weight"),
    ],
)
def test_unet_names(ours: str, theirs: str, unet: dict[str, Place]) -> None:
    assert unet[ours].name == "model.diffusion_model." + theirs


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("encoder.down_blocks.1.resnets.0.conv_shortcut.weight", "encoder.down.1.block.0.nin_shortcut.weight"),
        ("encoder.down_blocks.2.downsamplers.0.conv.bias", "encoder.down.2.downsample.conv.bias"),
        ("encoder.mid_block.attentions.0.to_v.weight", "encoder.mid.attn_1.v.weight"),
        ("decoder.mid_block.resnets.1.norm1.weight", "decoder.mid.block_2.norm1.weight"),
        ("decoder.up_blocks.0.resnets.2.conv1.weight", "decoder.up.3.block.2.conv1.weight"),
        ("decoder.up_blocks.2.upsamplers.0.conv.weight", "decoder.up.1.upsample.conv.weight"),
        ("post_quant_conv.weight", "post_quant_conv.weight"),
    ],
)
def test_autoencoder_names(ours: str, theirs: str, skeleton: Skeleton) -> None:
    assert autoencoder_places(skeleton.vae.state_dict(), levels=4)[ours].name == "first_stage_model." + theirs


def test_no_name_is_given_twice(skeleton: Skeleton, unet: dict[str, Place]) -> None:
    joint = [place.name for place in unet.values() if place.part == 0]
    single = [place.name for place in unet.values() if place.part is None]
    networks = (
        autoencoder_places(skeleton.vae.state_dict(), levels=4),
        vision_encoder_places(skeleton.vision_encoder.state_dict(), levels=4),
    )
    names = [*joint, *single, *(place.name for places in networks for place in places.values())]
    assert len(set(names)) == len(names)
    assert len({ema_name(name) for name in joint + single}) == len(joint + single)
    assert len(joint) == 2 * 21  # weight and bias of 8 attentions on the way down, 1 between, 12 on the way up


def test_sizes_are_told_by_the_tensors(skeleton: Skeleton, unet: dict[str, Place]) -> None:
    vae = skeleton.vae.state_dict()
    found = shapes(unet, skeleton.unet.state_dict()) | shapes(autoencoder_places(vae, levels=4), vae)
    tensors = {name: torch.empty(shape, device="meta") for name, shape in found.items()}
    shape = unet_shape(tensors, "model.diffusion_model.", "x")
    assert (shape.in_channels, shape.classes) == (8, 9)
    assert complete(autoencoder_sizes(tensors, "first_stage_model.", "x") | shape.sizes) == SD


def test_query_key_and_value_are_joined_head_by_head() -> None:
    places = {name: Place("qkv", part, 1) for part, name in enumerate("qkv")}
    ours = {name: torch.full((4, 2), float(part)) for part, name in enumerate("qkv")}
    joint = to_theirs(places, ours, heads=2)["qkv"]
    assert joint[:, 0, 0].tolist() == [0, 0, 1, 1, 2, 2] * 2
    assert joint.shape == (12, 2, 1)
    back = to_ours(places, {"qkv": joint}, heads=2)
    assert all(torch.equal(back[name], ours[name]) for name in "qkv")
