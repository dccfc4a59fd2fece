"""Batches follow from seed and step alone."""

from itertools import islice

import torch

from sdseg.training.augment import build_augmentation
from sdseg.training.batches import Batches, Share
from sdseg.training.slices import SliceStack
from sdseg.training.stage import AugmentationConfig

MASK = torch.zeros(1, 1, 64, 64)
MASK[..., 20:40, 10:30] = 1
STACK = SliceStack(torch.cat([MASK * 2 - 1] * 6), torch.cat([MASK] * 6).to(torch.uint8))


def batches(seed: int = 0, share: Share | None = None, workers: int = 0, first: int = 0, count: int = 4) -> list:
    augmentation = build_augmentation(AugmentationConfig(), 64)
    made = Batches(STACK, augmentation, share or Share(4), seed, workers=workers)
    return list(islice(made.start(first), count))


def test_image_and_mask_move_together() -> None:
    quiet = AugmentationConfig(probability=1, gamma=(1.0, 1.0), noise=0, bias_field=0, blur=0)
    (batch,) = islice(Batches(STACK, build_augmentation(quiet, 64), Share(16), seed=0).start(), 1)
    assert batch.images.shape == (16, 3, 64, 64) and batch.masks.shape == (16, 1, 64, 64)
    agreement = ((batch.images[:, :1] > 0) == (batch.masks > 0)).float().mean()
    assert agreement > 0.98
    assert len({int(mask.sum()) for mask in batch.masks}) > 8


def test_a_seed_repeats_and_another_does_not() -> None:
    first, same, other = batches(1), batches(1), batches(2)
    assert all(torch.equal(a.images, b.images) for a, b in zip(first, same, strict=True))
    assert not torch.equal(first[0].images, other[0].images)
    assert torch.equal(first[0].draws.normal(5), same[0].draws.normal(5))


def test_going_on_in_the_middle() -> None:
    assert torch.equal(batches(count=4)[2].images, batches(first=2, count=1)[0].images)


def test_workers_do_not_change_a_batch() -> None:
    assert torch.equal(batches(workers=0, count=2)[1].images, batches(workers=2, count=2)[1].images)


def test_every_slice_once_an_epoch() -> None:
    seen = [index for batch in batches(share=Share(3), count=4) for index in batch.indices]
    assert sorted(seen[:6]) == sorted(seen[6:]) == list(range(6))
    assert seen[:6] != seen[6:]


def test_processes_and_micro_batches_share_out_one_batch() -> None:
    whole = batches(share=Share(4), count=1)[0]
    parts = [batches(share=Share(4, 2, rank, 2), count=2) for rank in (0, 1)]
    in_order = [parts[rank][micro] for micro in (0, 1) for rank in (0, 1)]
    assert torch.equal(torch.cat([part.images for part in in_order]), whole.images)
    noise = torch.cat([part.draws.normal(7) for part in in_order])
    assert torch.equal(noise, whole.draws.normal(7))


def test_no_augmentation_is_no_augmentation() -> None:
    nothing = AugmentationConfig(probability=0, flip_columns=False, noise=0, bias_field=0, blur=0)
    assert build_augmentation(nothing, 64) is None
