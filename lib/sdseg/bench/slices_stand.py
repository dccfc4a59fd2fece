"""What the process of a contestant does with slices: it is made, given some, and asked to run over them."""

from __future__ import annotations

from typing import Any

import torch

from sdseg.bench.contestant import Contestant, Facts
from sdseg.bench.loading import count, load
from sdseg.bench.paper_loop import PaperLoop
from sdseg.bench.timing import Seconds, time_pass
from sdseg.model.pipeline import SDSegPipeline
from sdseg.model.presets import get_preset


class SlicesStand:
    """Args: contestant: who; device: torch device; slices: real ones, or random ones of the preset where None."""

    def __init__(self, contestant: Contestant, device: str, slices: torch.Tensor | None, count_of: int) -> None:
        self._contestant = contestant
        size = get_preset(contestant.preset).image_size
        given = random_slices(2 * count_of, size) if slices is None else slices
        self._slices, calibration = given[::2], given[1::2]  # what an engine is calibrated on is not what it runs on
        self._network, self.facts = load(contestant, device, calibration)
        self._slices = self._slices.to(device)
        paper = contestant.is_paper and isinstance(self._network, SDSegPipeline) and self._network.classes is None
        self._model: Any = PaperLoop(self._network) if paper else self._network

    def tell(self) -> Facts:
        """What is known of it."""
        return self.facts

    def warm(self) -> None:
        """One batch that does not count."""
        self._time(self._slices[: self._contestant.batch_size])

    def run(self) -> Seconds:
        """Seconds a slice of one pass."""
        return {stage: seconds / len(self._slices) for stage, seconds in self._time(self._slices).items()}

    @torch.inference_mode()
    def probability(self) -> torch.Tensor:
        """Of the foreground, (slices, 1, rows, columns) float32."""
        batches = self._slices.split(self._contestant.batch_size)
        return torch.cat([self._model(batch).float().cpu() for batch in batches])

    def memory(self) -> int:
        """Bytes held at most."""
        return count(self._network)

    def _time(self, slices: torch.Tensor) -> Seconds:
        return time_pass(self._model, slices, self._contestant.batch_size, self._network.device)


def random_slices(count_of: int, size: int) -> torch.Tensor:
    """(slices, 3, rows, columns) in [-1, 1], always the same."""
    return torch.rand((count_of, 3, size, size), generator=torch.Generator().manual_seed(0)) * 2 - 1
