"""Reading a registry: which weights there are, which are served, and what is wrong with them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sdseg.errors import InputError, UnknownNameError, WeightsError
from sdseg.judging.judgement import Judgement
from sdseg.model.card import ModelCard
from sdseg.model.pointer import is_folder_name, read_pointer
from sdseg.registry.contents import Contents
from sdseg.registry.entry import BASE, Entry
from sdseg.registry.history import Event, History
from sdseg.registry.story import Story, story_of

HOME = "registry"
_IN_ENTRY = ("name", "sha256", "files", "facts", "judgement")


class RegistryView:
    """Of the weights below `models_dir`; see `ModelRegistry`."""

    def __init__(self, models_dir: Path, base: Path | None = None) -> None:
        self.models_dir = models_dir
        self.home = models_dir / HOME
        self._base = base
        self._history = History(self.home / "history.jsonl")
        self._contents = Contents(self.home / "contents.json")
        self._unusable: dict[tuple[str, str], str] = {}

    @property
    def base(self) -> Path | None:
        """Folder of the weights under all others: as given here, else as a server noted it last."""
        if self._base is not None:
            return self._base
        noted = self._noted_base()
        return Path(noted["folder"]) if noted else None

    def folder(self, name: str) -> Path:
        """Of an entry's name. Raises WeightsError: there are no weights under all others."""
        if name != BASE:
            return self.models_dir / name
        if self.base is None:
            raise WeightsError(f"Nothing was promoted in {self.models_dir}, and no base weights are known there.")
        return self.base

    def history(self) -> list[Event]:
        """What happened, oldest first."""
        return list(self._history.events())

    def history_of(self, name: str) -> list[Event]:
        """What happened to one entry, without what the entry itself tells."""
        events = [event for event in self._history.events() if event.get("name") == name]
        return [{key: value for key, value in event.items() if key not in _IN_ENTRY} for event in events]

    def state(self) -> str:
        """A sentence for people when another than the champion has to be served; "" when all is well."""
        served, trouble = self._served(self._story())
        if not trouble:
            return ""
        instead = "the base weights are" if served == BASE else f"{served} is"
        return f"{trouble}; {instead} served instead: restore it from a backup, promote others or roll back."

    def served(self) -> Entry:
        """The entry of what `ModelRegistry.healthy` gives."""
        return self._describe(self._served(self._story())[0])

    def entries(self) -> list[Entry]:
        """All of them, the newest first, the base last."""
        story = self._story()
        names = {path.name for path in self.models_dir.glob("*") if is_folder_name(path.name) and path.is_dir()}
        names |= {name for name in (*story.added, *story.withdrawn, *story.champions) if name != BASE}
        found = [self._entry(story, name) for name in names]
        newest_first = sorted(found, key=lambda entry: (entry.made, entry.name), reverse=True)
        return [*newest_first, self._entry(story, BASE)]

    def find(self, name: str) -> Entry:
        """By the beginning of the SHA-256, or "base".

        Raises:
            UnknownNameError: there is none.
            InputError: there are several.
        """
        wanted, entries = name.strip().lower(), self.entries()
        own = [entry for entry in entries if not entry.is_base]
        found = [entry for entry in entries if entry.name == wanted]
        found = found or [entry for entry in own if wanted and entry.sha256.startswith(wanted)]
        if len(found) == 1:
            return found[0]
        if found:
            raise InputError(f"{len(found)} weights begin with {wanted}; give more digits.")
        known = ", ".join(entry.name for entry in entries[:8]) or "none yet"
        raise UnknownNameError(f"There are no weights {name[:64]!r} here; known are: {known}.")

    def champion(self) -> Entry:
        """Whom the pointer names, whether it can be served or not; the base where there is none."""
        return self._describe(self._story().champion)

    def _story(self) -> Story:
        pointed = read_pointer(self.models_dir)
        return story_of(self._history.events(), BASE if pointed is None else pointed)

    def _noted_base(self) -> Event | None:
        return next((event for event in reversed(self._history.events()) if event["event"] == "base"), None)

    def _served(self, story: Story) -> tuple[str, str]:
        """The name of the newest champion that is whole, and what is wrong with the one that should be served."""
        trouble = f"The pointer {self.models_dir / 'current'} is damaged" if read_pointer(self.models_dir) == "" else ""
        for name in reversed(story.champions):
            wrong = self._trouble(story, name)
            if not wrong:
                return name, trouble
            trouble = trouble or f"The champion {name} cannot be served because {wrong}"
        return BASE, trouble

    def _trouble(self, story: Story, name: str) -> str:
        """What is wrong with a folder; of the base nothing is known before it is loaded."""
        if name == BASE:
            return ""
        folder = self.models_dir / name
        wrong = self._contents.trouble(folder, story.added.get(name, {}).get("files") or {})
        if wrong or not self._unusable:
            return wrong
        return self._unusable.get((name, repr(self._contents.digests(folder))), "")

    def _describe(self, name: str) -> Entry:
        return self._entry(self._story(), name)

    def _entry(self, story: Story, name: str) -> Entry:
        if name == BASE and self.base is None:  # no server has noted it yet
            return Entry(BASE, BASE, story.state(BASE), note="not known yet")
        folder, event, wrong = self.folder(name), story.added.get(name, {}), self._trouble(story, name)
        state = story.state(name)
        if wrong and state != "withdrawn":
            state = "damaged"
        promotions = story.promoted.get(name, [])
        return Entry(
            sha256=str(event.get("sha256") or ("" if wrong else self._sha256(folder)) or name),
            name=name,
            state=state,
            parent=event.get("facts", {}).get("parent_sha256") or ("" if wrong else _parent(folder)) or None,
            made=str(event.get("at") or _made(folder)),
            promoted=promotions[-1] if promotions else None,
            judgement=_judgement(story.judgements.get(name)),
            facts=event.get("facts", {}),
            note=wrong or story.withdrawn.get(name, ""),
        )

    def _sha256(self, folder: Path) -> str:
        try:
            return self._contents.sha256(folder)
        except WeightsError:
            return ""


def _parent(folder: Path) -> str:
    """As the model card tells it."""
    try:
        return str(ModelCard.load(folder).training.get("parent_sha256", ""))
    except WeightsError:
        return ""


def _made(folder: Path) -> str:
    """Of a folder that came before there was a history."""
    try:
        return datetime.fromtimestamp(folder.stat().st_mtime, UTC).isoformat(timespec="milliseconds")
    except OSError:
        return ""


def _judgement(values: Any) -> Judgement | None:
    try:
        return Judgement.from_dict(values) if values else None
    except InputError:
        return None
