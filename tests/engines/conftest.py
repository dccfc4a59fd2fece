import pytest
import torch
from engines.brain import SAMPLE, WEIGHTS

from sdseg.engines.calibration import calibration_slices
from sdseg.model.card import ModelCard


@pytest.fixture(scope="module")
def slices() -> torch.Tensor:
    """Of the sample, as brain-small sees them."""
    return calibration_slices([SAMPLE / "dicom"], ModelCard.load(WEIGHTS).recipe)
