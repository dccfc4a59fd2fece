"""Where a result comes from: what a reader needs to make it again."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from highdicom import AlgorithmIdentificationSequence
from pydicom.sr.codedict import codes

from sdseg.errors import InputError

LONG_STRING = 64  # VR LO, PS3.5 6.2


@dataclass(frozen=True)
class SegProvenance:
    """The algorithm behind a segmentation and the parameters it ran with.

    `weights_sha256`: 64 hexadecimal digits. `steps`: denoising steps. `seed` and `steps` are None where nothing is
    random or denoised. `extra`: further parameters by name. `told`: more of them that do not change the result, so that
    they are no part of what a SEG's UIDs are derived from (they are not in the repr). `method`: how it segments, in a
    few words.
    InputError where a value cannot be written into a DICOM SEG.
    """

    algorithm_name: str
    algorithm_version: str
    weights_sha256: str
    seed: int | None
    steps: int | None
    preset: str
    extra: Mapping[str, str] = field(default_factory=dict)
    method: str = "one-step latent diffusion"
    told: Mapping[str, str] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        for what in ("algorithm_name", "algorithm_version"):
            given = getattr(self, what)
            if not given.strip() or len(given) > LONG_STRING or "\\" in given or not given.isprintable():
                raise InputError(f'{what} "{given}" must be one line of 1 to {LONG_STRING} characters, no backslash.')
        if not re.fullmatch(r"[0-9a-f]{64}", self.weights_sha256):
            raise InputError(f'weights_sha256 "{self.weights_sha256}" is no SHA-256 of 64 hexadecimal digits.')

    @property
    def parameters(self) -> dict[str, str]:
        """What goes into Algorithm Parameters (0066,0032), in order."""
        numbers = {"seed": self.seed, "steps": self.steps}
        numbered = {name: str(number) for name, number in numbers.items() if number is not None}
        given = {"weights_sha256": self.weights_sha256, **numbered, "preset": self.preset, **self.told, **self.extra}
        return {name: re.sub(r"[,\\\s]+", " ", value) for name, value in given.items()}


def algorithm_identification(
    provenance: SegProvenance, parameters: Mapping[str, str]
) -> AlgorithmIdentificationSequence:
    """Segmentation Algorithm Identification Sequence (PS3.3 C.8.20.2), family DCM 123110 Artificial Intelligence."""
    return AlgorithmIdentificationSequence(
        name=provenance.algorithm_name,
        family=codes.DCM.ArtificialIntelligence,
        version=provenance.algorithm_version,
        parameters=dict(parameters),
    )
