"""All labels that may be learnt from, divided by patient."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sdseg.corrections.added_data import Part, read_added
from sdseg.corrections.book import LabelRecord
from sdseg.corrections.division import JUDGE, TRAIN, Division, Side
from sdseg.corrections.example import example_of
from sdseg.corrections.store import LabelStore
from sdseg.errors import InputError, LabelError
from sdseg.training.material import Material
from sdseg.volume.example import Example

logger = logging.getLogger(__name__)
Tell = Callable[[str], None]


@dataclass(frozen=True)
class LabelledImage:
    """An image that is there, and the labels of it that may be learnt from.

    Attributes:
        id: of the image.
        source: folder of the series, or the file.
        patient: digest.
        labels: each annotator's.
    """

    id: str
    source: Path
    patient: str
    labels: Sequence[LabelRecord]


@dataclass(frozen=True)
class Choice:
    """What the settings say.

    Attributes:
        fraction: of the patients, who judge.
        validation_data, replay_data: YAML files, None for none.
    """

    fraction: float = 0.2
    validation_data: Path | None = None
    replay_data: Path | None = None


def tell_log(sentence: str) -> None:
    logger.warning("%s", sentence)


def material_from(
    store: LabelStore,
    images: Iterable[LabelledImage],
    model_labels: Mapping[str, int],
    division: Division,
    choice: Choice,
    tell: Tell = tell_log,
) -> Material:
    """Training, validation and replay; a patient is on one side only, whatever the data that were added say.

    Args:
        store: of the labels.
        images: in any order.
        model_labels: structure -> value.
        division: of the patients.
        choice: of the settings.
        tell: is told what is left out, a sentence each, without anything of a patient.

    Raises:
        InputError: the data that the settings add cannot be used.
    """
    there = sorted(images, key=lambda image: min(record.number for record in image.labels))
    usable = [(image, _examples(store, image, model_labels, tell)) for image in there]
    between = division.follow({image.id: image.patient for image, _ in usable})
    for image in between:
        tell(f"The label of the image {image} is left out: its patient was corrected to one of the other side.")
    usable = [(image, examples) for image, examples in usable if examples and image.id not in between]
    patients = {image.source.resolve(): image.patient for image in there}
    judged = _added(choice.validation_data, "validation", model_labels, patients, division, JUDGE, tell)
    replayed = _added(choice.replay_data, "train", model_labels, patients, division, TRAIN, tell)
    sides = division.assign((image.patient for image, _ in usable), choice.fraction)
    division.note_images({image.id: image.patient for image, _ in usable})
    own = {
        side: tuple(one for image, examples in usable if sides[image.patient] == side for one in examples)
        for side in (TRAIN, JUDGE)
    }
    known = {example.image.resolve() for example in own[JUDGE]}
    more = tuple(example for example in judged if example.image.resolve() not in known)
    return Material(own[TRAIN], (*own[JUDGE], *more), replayed)


def _examples(store: LabelStore, image: LabelledImage, labels: Mapping[str, int], tell: Tell) -> tuple[Example, ...]:
    """One a label that can be used, of the weight 1 together."""
    found: list[Example] = []
    for number, record in enumerate(image.labels, 1):
        name = image.id if number == 1 else f"{image.id}#{number}"
        try:
            found.append(example_of(store, record, image.source, image.patient, labels, name, 1.0))
        except (LabelError, InputError) as error:
            tell(f"A label of the image {image.id} is left out of training: {error}")
    return tuple(replace(example, weight=1.0 / len(found)) for example in found)


def _added(
    path: Path | None,
    part: Part,
    model_labels: Mapping[str, int],
    patients: Mapping[Path, str],
    division: Division,
    side: Side,
    tell: Tell,
) -> tuple[Example, ...]:
    """Those whose patients are, or come, on this side."""
    if path is None:
        return ()
    found = read_added(path, part, model_labels, patients)
    sides = division.settle((example.group for example in found), side)
    fitting = tuple(example for example in found if sides[example.group] == side)
    if len(fitting) < len(found):
        tell(
            f"{len(found) - len(fitting)} images of {path.name} are left out: their patients are on the other side of "
            "training and validation already, and stay there."
        )
    return fitting
