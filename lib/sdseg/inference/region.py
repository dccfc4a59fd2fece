"""Computing only what can hold the target: slices with a body in them, and of these the body's bounding box."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from sdseg.model.parts import Parts
from sdseg.model.region import Region
from sdseg.model.slice_model import SliceModel


@dataclass(frozen=True)
class Box:
    """A part of a slice, in pixels."""

    row: int
    column: int
    rows: int
    columns: int

    @property
    def pixels(self) -> int:
        return self.rows * self.columns


def boxes_of(slices: torch.Tensor, region: Region, parts: Parts | None) -> list[Box | None]:
    """What of each slice is computed; it depends on no other slice.

    Args:
        slices: (slices, channels, rows, columns) in [-1, 1].
        region: of the model's card.
        parts: of the model; None: it takes whole slices only, so that of these nothing can be left out.

    Returns:
        One a slice; None where it cannot hold the target.
    """
    return [_box(body, region, parts) for body in (slices > region.body_above).any(dim=1)]


def segment_region(model: SliceModel, batch: torch.Tensor, region: Region, seed: int = 0) -> torch.Tensor:
    """As the model segments a batch, with background wherever `boxes_of` computes nothing.

    Boxes of one size are segmented together, a whole slice as without a region.

    Args:
        model: in evaluation mode.
        batch: (batch, 3, rows, columns) in [-1, 1].
        region: of the model's card.
        seed: of the noise; a part gets the part of it that lies there in the slice.

    Returns:
        (batch, 1 or classes, rows, columns) float32 on the CPU.
    """
    parts, (rows, columns) = model.parts, batch.shape[-2:]
    result = _background(model.classes, len(batch), rows, columns)
    groups: dict[tuple[int, int], list[tuple[int, Box]]] = {}
    for number, box in enumerate(boxes_of(batch, region, parts)):
        if box is not None:
            groups.setdefault((box.rows, box.columns), []).append((number, box))
    for size, members in groups.items():
        numbers = [number for number, _ in members]
        if parts is None or size == (rows, columns):
            result[numbers] = model(batch[numbers], seed=seed).cpu()
            continue
        cut = torch.stack([_at(batch[number], box) for number, box in members])
        found = parts.segment(cut, [(box.row, box.column) for _, box in members], seed).cpu()
        for (number, box), one in zip(members, found, strict=True):
            _at(result[number], box).copy_(one)
    return result


def _box(body: torch.Tensor, region: Region, parts: Parts | None) -> Box | None:
    """The box of one slice, whose `body` is (rows, columns) bool."""
    if not body.any() or float(body.float().mean()) < region.least_body:
        return None
    if parts is None or region.margin is None:
        return Box(0, 0, *body.shape)
    (row, rows), (column, columns) = (_cover(body.any(dim=other), region.margin, parts) for other in (1, 0))
    return Box(row, column, rows, columns)


def _cover(line: torch.Tensor, margin: int, parts: Parts) -> tuple[int, int]:
    """First and length of what is computed of the rows, or columns, of which `line` tells whether they hold body."""
    held, size = line.nonzero(), len(line)
    return parts.cover(max(0, int(held[0]) - margin), min(size, int(held[-1]) + 1 + margin), size)


def _at(image: torch.Tensor, box: Box) -> torch.Tensor:
    """The box of (channels, rows, columns), sharing its memory."""
    return image[:, box.row : box.row + box.rows, box.column : box.column + box.columns]


def _background(classes: int | None, count: int, rows: int, columns: int) -> torch.Tensor:
    """Probability 0 of the foreground; of several classes 1 of the background, which is the first."""
    result = torch.zeros(count, classes or 1, rows, columns)
    if classes is not None:
        result[:, 0] = 1
    return result
