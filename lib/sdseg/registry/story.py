"""What a history of events amounts to. The pointer says what is served; the history explains it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sdseg.registry.entry import BASE, State

FOUND = "found"
"""The pointer was found to name other weights than the history's last: somebody moved it, or a process was killed."""


@dataclass
class Story:
    """The state after some events.

    Attributes:
        champions: the names of what is served and of what was served before it, oldest first; the first is "base".
        added: name -> the event by which it came, the last one.
        judgements: name -> the last judgement that came with it.
        promoted: name -> the times of its promotions.
        withdrawn: name -> why.
    """

    champions: list[str] = field(default_factory=lambda: [BASE])
    added: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    judgements: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    promoted: dict[str, list[str]] = field(default_factory=dict)
    withdrawn: dict[str, str] = field(default_factory=dict)
    _last: tuple[str, str] = ("", "")

    @property
    def champion(self) -> str:
        return self.champions[-1]

    def state(self, name: str) -> State:
        """Of weights whose folder is whole."""
        if name in self.withdrawn:
            return "withdrawn"
        if name == self.champion:
            return "champion"
        return "retired" if self.promoted.get(name) or name == BASE else "challenger"

    def tell(self, event: Mapping[str, Any]) -> None:
        """One more event happened. Kinds that are not known here change nothing."""
        name = str(event.get("name", ""))
        match event["event"]:
            case "added":
                self.added[name] = event
                if event.get("judgement"):
                    self.judgements[name] = event["judgement"]
            case "promoted":
                self.withdrawn.pop(name, None)
                self.promoted.setdefault(name, []).append(str(event.get("at", "")))
                self._push(name)
            case "rolled back":
                self._back_to(name)
            case "withdrawn":
                self.withdrawn[name] = str(event.get("reason", ""))
                self._drop(name)
            case "base" if event.get("served"):
                self.champions = [BASE]
            case "found":
                self._find(name, str(event.get("at", "")))
        self._last = (event["event"], name)

    def _push(self, name: str) -> None:
        if name != self.champion:
            self.champions.append(name)

    def _back_to(self, name: str) -> None:
        if name in self.champions:
            while self.champion != name:
                self.champions.pop()
        self._push(name)

    def _drop(self, name: str) -> None:
        left = [other for other in self.champions if other != name]
        self.champions = [other for other, before in zip(left, [None, *left], strict=False) if other != before]

    def _find(self, name: str, at: str) -> None:
        if self._last == ("promoted", self.champion) and name in self.champions:
            del self.promoted[self.champion][-1:]  # it did not take place: the process was killed before the pointer
        if name not in self.champions:
            self.promoted.setdefault(name, []).append(at)
        self._back_to(name)


def story_of(events: Iterable[Mapping[str, Any]], pointed: str) -> Story:
    """The story of `events` under what the pointer names now, "base" where there is none, "" where it is damaged."""
    story = Story()
    for event in events:
        story.tell(event)
    if pointed and pointed != story.champion and pointed not in story.withdrawn:
        story.tell({"event": FOUND, "name": pointed})
    return story
