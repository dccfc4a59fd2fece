"""The registry of one served model: a folder of weights folders, a pointer and a history."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sdseg.errors import DeliveryError, InputError, SdsegError, WeightsError
from sdseg.judging.judgement import Judgement
from sdseg.lock import locked
from sdseg.model.card import ModelCard
from sdseg.model.pointer import point_at, read_pointer
from sdseg.registry.entry import BASE, Entry
from sdseg.registry.mirror import Mirror
from sdseg.registry.storing import store
from sdseg.registry.story import FOUND, Story, story_of
from sdseg.registry.view import RegistryView

logger = logging.getLogger(__name__)


class ChampionChangedError(SdsegError):
    """Somebody promoted or rolled back while weights were judged: judge them again."""


class ModelRegistry(RegistryView):
    """Of the weights below `models_dir`; any number of processes may read and write at once.

    Args:
        models_dir: where the weights folders lie; those that lie there already, and the pointer, are adopted.
        base: the weights that are served when none of the others is; default: those that a server noted last.
        mirror: another registry to be told.
    """

    def __init__(self, models_dir: Path, base: Path | None = None, mirror: Mirror | None = None) -> None:
        super().__init__(models_dir, base)
        self._mirror = mirror

    def healthy(self) -> Path:
        """The folder to serve: the champion's if it is whole, else that of the champion before it, at last the base.

        Costs a look at the champion's files, so that every request may ask. What is wrong is noted in the history.

        Raises:
            WeightsError: there is nothing to serve.
        """
        story = self._story()
        served, trouble = self._served(story)
        if trouble:
            self._note_trouble(story.champion, served, trouble)
        return self.folder(served)

    def add(self, weights: Path, judgement: Judgement | None, facts: Mapping[str, Any]) -> Entry:
        """Keep a copy of a weights folder under the name of its content; it is not served.

        The same weights may be added again: the last judgement holds.

        Raises:
            WeightsError: no weights folder, or the disk refuses.
            InputError: facts that are no plain values for JSON.
        """
        told, known = judgement.to_dict() if judgement else None, check_facts(facts)
        with _disk("The weights could not be kept"):
            name, sha256, files = store(weights, self.models_dir, self.home / "adding.lock", self._contents)
            with self._writing():
                self._history.add("added", name=name, sha256=sha256, judgement=told, facts=known, files=files)
        entry = self._describe(name)
        self._tell_mirror(lambda mirror: mirror.added(entry, self.folder(name)))
        return entry

    def promote(
        self,
        name: str,
        by: str = "",
        reason: str = "",
        although_withdrawn: bool = False,
        instead_of: str | None = None,
    ) -> Entry:
        """Serve these weights from now on.

        `instead_of`: SHA-256 of the weights that they were judged against; a judgement by others says nothing.

        Raises:
            ChampionChangedError: other weights than `instead_of` are served by now.
            UnknownNameError: there are no such weights.
            InputError: their folder is damaged; they were withdrawn, and nobody said that they may come back; or they
                are another kind of model, or tell other structures.
            WeightsError: the disk refuses; what was served is served on.
        """
        with _disk("The weights could not be promoted"), self._writing() as story:
            entry = self.find(name)
            if instead_of is not None and self._entry(story, self._served(story)[0]).sha256 != instead_of:
                raise ChampionChangedError(f"{entry.name} was judged against weights that are not served any more.")
            self._check_promotable(entry, although_withdrawn)
            if story.champion != entry.name:
                self._switch("promoted", entry, entry.name, by, reason)
        return self._now_served(entry.name)

    def rollback(self, by: str = "", reason: str = "") -> Entry:
        """Serve the champion before this one again, at last the base: the entry that is served now.

        Raises:
            InputError: nothing was served before.
            WeightsError: the disk refuses.
        """
        with _disk("The champion could not be rolled back"), self._writing() as story:
            if len(story.champions) < 2:
                raise InputError("There is nothing to roll back to: no weights were served before these.")
            before = self._entry(story, self._before(story))
            self._switch("rolled back", before, before.name, by, reason)
        return self._now_served(before.name)

    def withdraw(self, name: str, by: str = "", reason: str = "") -> Entry:
        """Never serve these weights again; a champion is rolled back first. Their folder stays.

        Raises:
            UnknownNameError: there are no such weights.
            InputError: they are the base.
            WeightsError: the disk refuses.
        """
        with _disk("The weights could not be withdrawn"), self._writing() as story:
            entry = self.find(name)
            if entry.is_base:
                raise InputError("The base weights cannot be withdrawn; promote others, or start with others.")
            if was_champion := story.champion == entry.name:
                before = self._entry(story, self._before(story))
                self._switch("rolled back", before, before.name, by, f"{entry.name} is withdrawn")
            self._switch("withdrawn", entry, None, by, reason)
        entry = self._describe(entry.name)
        self._tell_mirror(lambda mirror: mirror.withdrawn(entry))
        if was_champion:
            self._now_served(self._story().champion)
        return entry

    def note_base(self, given: bool) -> None:
        """A server starts with `base`; if that was `given`, and other weights than last time, it is served from now on.

        Raises:
            WeightsError: the folder is no weights folder, or the disk refuses.
        """
        folder = self.folder(BASE)
        about, noted = {"sha256": self._contents.sha256(folder), "folder": str(folder)}, self._noted_base() or {}
        if about.items() <= noted.items():
            return
        with _disk("The base weights could not be noted"), self._writing() as story:
            if not given or noted.get("sha256") == about["sha256"] or story.champion == BASE:
                self._history.add("base", **about)
                return
            with self._history.adding("base", served=BASE, **about):
                point_at(self.models_dir, None)
        logger.warning("Other weights than before were given to the server: %s is not served now.", story.champion)

    def unusable(self, folder: Path, why: str) -> bool:
        """Say that weights cannot be loaded although their files are as they came, or changed unnoticed.

        Returns:
            Whether other weights are served now; they are until a file of these changes. False for the base.
        """
        if folder.parent != self.models_dir:
            return False
        self._contents.forget(folder)
        if folder.is_dir():
            self._unusable[folder.name, repr(self._contents.digests(folder))] = why
        return True

    @contextmanager
    def _writing(self) -> Iterator[Story]:
        """Alone, and with a history that agrees with the pointer."""
        with locked(self.home / "lock"):
            told = story_of(self._history.events(), "")
            pointed = read_pointer(self.models_dir)
            if pointed == "" or pointed in told.withdrawn:
                point_at(self.models_dir, None if told.champion == BASE else told.champion)
            elif (pointed or BASE) != told.champion:
                self._history.add(FOUND, name=pointed or BASE)
            yield self._story()

    def _switch(self, kind: str, entry: Entry, serves: str | None, by: str, reason: str) -> None:
        """The history first, which needs space and can be taken back; then the pointer."""
        with self._history.adding(kind, name=entry.name, sha256=entry.sha256, by=by, reason=reason):
            if serves is not None:
                point_at(self.models_dir, None if serves == BASE else serves)

    def _before(self, story: Story) -> str:
        """The newest champion before this one that is whole."""
        return next(name for name in reversed(story.champions[:-1]) if not self._trouble(story, name))

    def _check_promotable(self, entry: Entry, although_withdrawn: bool) -> None:
        if entry.state == "damaged":
            raise InputError(f"{entry.name} cannot be promoted because {entry.note}; restore it from a backup.")
        if entry.state == "withdrawn" and not although_withdrawn:
            raise InputError(f"{entry.name} was withdrawn ({entry.note}); say explicitly that it may come back.")
        before = self._served(self._story())[0]
        if BASE in (entry.name, before) and (self.base is None or not self.base.is_dir()):
            return  # there is nothing to compare with
        new, served = ModelCard.load(self.folder(entry.name)), ModelCard.load(self.folder(before))
        if (new.labels, new.kind) != (served.labels, served.kind):
            raise InputError(
                f"{entry.name} is {new.kind} for {', '.join(new.labels)}, but {served.kind} for "
                f"{', '.join(served.labels)} is served; serve it under another name."
            )

    def _note_trouble(self, champion: str, served: str, trouble: str) -> None:
        """Once; a disk that refuses costs the note alone."""
        events = self._history.events()
        about = {"event": "trouble", "name": champion, "serving": served, "reason": trouble}
        if events and about.items() <= events[-1].items():
            return
        logger.error("%s; serving %s instead.", trouble, served)
        try:
            with locked(self.home / "lock"):
                last = (self._history.events() or [{}])[-1]
                if not about.items() <= last.items():
                    self._history.add("trouble", name=champion, serving=served, reason=trouble)
        except OSError as error:
            logger.error("The history of %s cannot be written: %s.", self.models_dir, error.strerror)

    def _now_served(self, name: str) -> Entry:
        """The entry, after the mirror knows that it is served."""
        entry = self._describe(name)
        self._tell_mirror(lambda mirror: mirror.promoted(entry))
        return entry

    def _tell_mirror(self, tell: Callable[[Mirror], None]) -> None:
        if self._mirror is None:
            return
        try:
            tell(self._mirror)
        except DeliveryError as error:
            logger.error("The second registry was not told: %s", error)


@contextmanager
def _disk(what: str) -> Iterator[None]:
    """What the system refuses is one line."""
    try:
        yield
    except OSError as error:
        raise WeightsError(f"{what}: {error.strerror or error}; what was served is served on.") from error


def check_facts(facts: Mapping[str, Any]) -> dict[str, Any]:
    """A copy as JSON holds it. Raises InputError: other than plain values."""
    try:
        return dict(json.loads(json.dumps(facts, allow_nan=False)))
    except (TypeError, ValueError) as error:
        raise InputError(f"The facts about weights must be plain values for JSON: {error}.") from error
