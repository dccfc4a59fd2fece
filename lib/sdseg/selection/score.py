"""What the model says of an image that nobody has labelled."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Embedding = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Score:
    """Of one image, or of one slice.

    Attributes:
        uncertainty: how far the masks of several noises differ from each other, 0 to 1, see `inference.overlap`; of a
            model without noise 1 - (sum of p²) / (sum of p) over its probabilities p, see `expected_disagreement`.
            None: nothing was found, or nothing was measured.
        embedding: (d,) of length 1: the latent of the vision encoder, pooled to a small grid.

    Raises:
        ValueError: the uncertainty is no share, or the embedding no finite vector.
    """

    uncertainty: float | None
    embedding: Embedding

    def __post_init__(self) -> None:
        if self.uncertainty is not None and not 0 <= self.uncertainty <= 1:
            raise ValueError(f"an uncertainty is from 0 to 1, not {self.uncertainty}")
        if self.embedding.ndim != 1 or not len(self.embedding) or not np.isfinite(self.embedding).all():
            raise ValueError(f"an embedding is a finite vector, not of shape {self.embedding.shape}")
