"""An adapter put into the weights it was made beside."""

from __future__ import annotations

from pathlib import Path

from sdseg.errors import WeightsError
from sdseg.model.card import ModelCard
from sdseg.model.pipeline import SDSegPipeline
from sdseg.model.weights import load_weights, save_weights, weights_sha256
from sdseg.training.adapters import LowRank, read_adapter
from sdseg.training.objective import has_frozen_encoder


def apply_adapter(adapter: Path, base: Path, output: Path) -> Path:
    """Make the weights folder that the training of an adapter made, from its base.

    Args:
        adapter: folder, see `Adapter.save`.
        base: weights folder whose SHA-256 the adapter names.
        output: weights folder to make.

    Returns:
        `output`; on the machine of the training its SHA-256 is that of the folder which the training made.

    Raises:
        WeightsError: the adapter is damaged or another base's, or the disk refuses.
        InputError: peft is not installed.
    """
    made, facts = read_adapter(adapter)
    found = weights_sha256(base)
    if found != facts["base_sha256"]:
        raise WeightsError(
            f"The adapter {adapter} was made beside the weights {facts['base_sha256'][:16]}, but {base} is "
            f"{found[:16]}: give the folder it was made beside."
        )
    try:
        card = ModelCard.from_dict(facts["card"])
    except (TypeError, KeyError, ValueError) as error:
        raise WeightsError(f"The adapter {adapter} is damaged ({error}); restore it or train another.") from error
    pipeline = load_weights(base, kind=SDSegPipeline)
    pipeline.vision_encoder.requires_grad_(not has_frozen_encoder(card))
    LowRank(pipeline, made.rank).merge(made)
    save_weights(pipeline, card, output)
    return output
