"""The weights of a served model for the status page: the champion, its challengers and how they were judged."""

from collections.abc import Mapping
from typing import Any

from sdseg.judging.judgement import Judgement
from sdseg.registry.entry import Entry
from sdseg.registry.registry import ModelRegistry
from sdseg_app.status.shapes import EntryStatus, JudgementStatus, RegistryStatus, StructureJudgement

_MOST = 20
# Of the facts about a training; texts among them are shown shortened.
_FACTS = ("steps", "minutes", "images", "patients", "labels")


def registry_status(registry: ModelRegistry) -> RegistryStatus:
    """Raises WeightsError: there is nothing to serve."""
    champion = registry.champion()
    others = [entry for entry in registry.entries() if entry.name != champion.name]
    last = _last_events(registry)
    return RegistryStatus(
        champion=_entry(champion, last),
        served=registry.served().name,
        others=[_entry(entry, last) for entry in others[:_MOST]],
        more=max(0, len(others) - _MOST),
        trouble=_without_paths(registry.state(), registry),
        can_roll_back=not champion.is_base,
    )


def _entry(entry: Entry, last: Mapping[str, Mapping[str, Any]]) -> EntryStatus:
    event = last.get(entry.name, {})
    return EntryStatus(
        name=entry.name,
        sha256=entry.sha256,
        state=entry.state,
        made=entry.made,
        promoted=entry.promoted,
        parent=(entry.parent or "")[:16],
        by=_text(event.get("by") or entry.facts.get("by")),
        note=_text(entry.note),
        facts={key: value for key in _FACTS if _is_count(value := entry.facts.get(key))},
        judgement=_judgement(entry.judgement),
    )


def _judgement(judgement: Judgement | None) -> JudgementStatus | None:
    if judgement is None:
        return None
    return JudgementStatus(
        accepted=judgement.accepted,
        reason=judgement.reason,
        margin=judgement.margin,
        champion=judgement.champion_sha256[:16],
        images=judgement.images,
        patients=judgement.patients,
        structures=[
            StructureJudgement(
                name=one.structure,
                champion=one.champion,
                challenger=one.challenger,
                difference=one.difference,
                low=one.low,
                high=one.high,
                worse=one.worse,
            )
            for one in judgement.classes
        ],
    )


def _last_events(registry: ModelRegistry) -> dict[str, Mapping[str, Any]]:
    """Name of an entry -> what somebody did to it last."""
    return {str(event.get("name")): event for event in registry.history() if event.get("by")}


def _without_paths(sentence: str, registry: ModelRegistry) -> str:
    return sentence.replace(f"{registry.models_dir}/", "")


def _is_count(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _text(value: Any) -> str:
    return str(value)[:500] if value else ""
