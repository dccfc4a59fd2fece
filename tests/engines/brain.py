"""brain-small, the model that comes with the sample, as the tests of engines load it."""

from pathlib import Path

from sdseg.engines.engine import engines_for
from sdseg.model.pipeline import SDSegPipeline
from sdseg.model.weights import load_weights

SAMPLE = Path(__file__).resolve().parents[2] / "sample-data"
WEIGHTS = SAMPLE / "weights" / "brain-small"
HERE = [engine.name for engine in engines_for("cpu")]


def load() -> SDSegPipeline:
    return load_weights(WEIGHTS, kind=SDSegPipeline)
