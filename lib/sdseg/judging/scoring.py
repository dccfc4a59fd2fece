"""How far one model's masks of labelled images overlap with the labels, on the images' own grids."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sdseg import __version__
from sdseg.errors import LabelError
from sdseg.evaluation.overlap import Overlap, check_same_grid, volume_overlap
from sdseg.inference.segmenter import Segmenter
from sdseg.jobs.cache import ResultCache, digest_of, key_of
from sdseg.model.card import ModelCard
from sdseg.model.weights import weights_sha256
from sdseg.volume.example import Example
from sdseg.volume.label import load_labelmap_of

Overlaps = dict[str, Overlap]
"""Structure -> how far mask and label overlap."""

_KEPT_BYTES = 50_000_000  # some 200,000 images


class Scorer:
    """Segments as everybody does, through `Segmenter`, and counts voxels.

    Args:
        weights: folder of the model; it is loaded only when something has to be computed.
        device, seed: of every segmentation.
        cache: folder where counts are kept by the content of weights, image and label; None keeps nothing.

    Raises:
        WeightsError: the folder is no weights folder.
    """

    def __init__(self, weights: Path, device: str, seed: int, cache: Path | None) -> None:
        self.card = ModelCard.load(weights)
        self.sha256 = weights_sha256(weights)
        self._weights, self._device, self._seed = weights, device, seed
        self._cache = ResultCache(cache, _KEPT_BYTES) if cache else None

    @cached_property
    def _segmenter(self) -> Segmenter:
        return Segmenter.load(self._weights, self._device)

    def score(self, examples: Sequence[Example], between: Callable[[], None]) -> list[Overlaps]:
        """The overlaps with each of several labels of one and the same image.

        `between` is called between batches of slices; it may wait, or raise to stop.

        Raises:
            InputError, LabelError: image or label cannot be used.
        """
        key = self._key(examples)
        kept = self._cache.get(key) if self._cache else None
        if kept is not None:
            return [
                {name: Overlap(*counts) for name, counts in overlaps.items()} for overlaps in json.loads(kept.decode())
            ]
        references = [read_reference(example, self.card.labels) for example in examples]
        image, modality = examples[0].image, examples[0].modality
        result = self._segmenter.segment(
            image, modality=modality, seed=self._seed, progress=lambda done, total: between()
        )
        found = [overlaps_of(result.labelmap, *reference, self.card.labels) for reference in references]
        if self._cache:
            counts = [{name: [o.shared, o.predicted, o.wanted] for name, o in each.items()} for each in found]
            self._cache.put(key, json.dumps(counts).encode())
        return found

    def _key(self, examples: Sequence[Example]) -> str:
        if self._cache is None:
            return ""
        image = examples[0]
        labels = [
            (digest_of(each.label), each.label_channel, sorted((each.label_values or {}).items()), each.ignored)
            for each in examples
        ]
        made_by = {"weights": self.sha256, "version": __version__, "seed": self._seed, "device": self._device}
        return key_of({**made_by, "image": digest_of(image.image), "modality": image.modality, "labels": labels})


def read_reference(
    example: Example, labels: Mapping[str, int]
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.bool_] | None]:
    """The label (i, j, k) on the image's grid, and the voxels that somebody labelled; None for all.

    Raises:
        InputError, LabelError: it cannot be read, lies on another grid, or holds values without a name.
    """
    reference = load_labelmap_of(example)
    labelled = None if example.ignored is None else reference != example.ignored
    known = {0, *labels.values()} | (set() if example.ignored is None else {example.ignored})
    odd = sorted(set(np.unique(reference).tolist()) - known)
    if odd:
        raise LabelError(f"The label holds the values {odd}, but the model's labels are {dict(labels)}; correct it.")
    return reference, labelled


def overlaps_of(
    labelmap: npt.NDArray[np.uint8],
    reference: npt.NDArray[np.uint8],
    labelled: npt.NDArray[np.bool_] | None,
    labels: Mapping[str, int],
) -> Overlaps:
    """Of each structure, both (i, j, k); only where `labelled`. Raises LabelError: the shapes differ."""
    check_same_grid(labelmap, reference, "A validation image")
    if labelled is not None:
        labelmap, reference = labelmap[labelled], reference[labelled]
    return {name: volume_overlap(labelmap == value, reference == value) for name, value in labels.items()}
