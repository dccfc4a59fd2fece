"""The models that are served, each with weights of its own."""

from sdseg.dicom.codes import add_structures
from sdseg.errors import WeightsError
from sdseg.model.card import ModelCard
from sdseg.model.kinds import SDSEG
from sdseg.rivals import RIVALS
from sdseg_app.config.shipped import SHIPPED
from sdseg_app.served.segmenters import LoadedModels, Segmenters
from sdseg_app.served.speed_choice import check_engine
from sdseg_app.served.weights_choice import WeightsChoice
from sdseg_app.settings import AppSettings

Models = dict[str, Segmenters]


def open_models(settings: AppSettings, starting: bool = False) -> Models:
    """Name -> the segmenters of its weights, in the order of `--conf models`; `starting` is the server that will serve
    them.

    Raises:
        InputError: the engine is not installed.
        WeightsError: a model has no weights, those of another kind than its name says, or other labels than the first.
    """
    check_engine(settings.speed)
    loaded = LoadedModels()
    models = {name: Segmenters(_choice(name, settings), loaded, settings.speed) for name in settings.models}
    if starting:
        for model in models.values():
            model.choice.note_start()
    cards = {name: model.card() for name, model in models.items()}
    for name, card in cards.items():
        _check_kind(name, card)
        add_structures(card.own_structures())
    # One server, one task: saved labels are read with one list of structures, and each model trains on them.
    (first, labels), *others = ((name, card.labels) for name, card in cards.items())
    for name, own in others:
        if own != labels:
            raise WeightsError(
                f"The models {first} and {name} tell different structures ({', '.join(labels)}; {', '.join(own)}); "
                "serve them apart."
            )
    return models


def describe(card: ModelCard) -> str:
    """One line for a list of models."""
    if card.kind == SDSEG:
        return f"SDSeg, one-step Stable Diffusion segmentation ({card.name})"
    return f"{RIVALS[card.kind].title}, {RIVALS[card.kind].method} ({card.name})"


def is_random(card: ModelCard) -> bool:
    """Whether the seed of a request changes the result."""
    return card.kind == SDSEG or RIVALS[card.kind].diffuses


def _choice(name: str, settings: AppSettings) -> WeightsChoice:
    key = settings.weights_key(name)
    return WeightsChoice(settings.weights.get(name), settings.model_dir / name, SHIPPED.get(name), key)


def _check_kind(name: str, card: ModelCard) -> None:
    known = (SDSEG, *RIVALS)
    suitable = {"unet": tuple(RIVALS), **{kind: (kind,) for kind in known}}.get(name, known)
    if card.kind not in suitable:
        raise WeightsError(
            f"The weights {card.name} are of the kind {card.kind!r}, which cannot be served as {name}; "
            f"give it weights of the kind {', '.join(suitable)}."
        )
