"""Images that clients sent ahead of their questions: a folder each, gone when it expires or the server ends."""

import secrets
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from sdseg.errors import InputError, UnknownNameError
from sdseg.own_folder import OwnFolder

LONGEST = 3600
"""Seconds that a session lasts unused, unless the server is told otherwise."""


@dataclass(frozen=True)
class Session:
    """One image of one user.

    Attributes:
        id: 128 random bits: nobody guesses it.
        owner: name of the user who sent it; to all others it does not exist.
        image: a file, or a folder with the slices of a DICOM series.
        created, used: seconds since the epoch.
        expiry: seconds after the last use.
    """

    id: str
    owner: str
    image: Path
    created: float
    used: float
    expiry: int

    def is_over(self, now: float) -> bool:
        return now >= self.used + self.expiry


class SessionStore:
    """The sessions of this server. Nothing is on the disk before the first, and nothing after the last.

    `root` is the folder for them; several servers may share it. `longest`: an expiry is never longer, in seconds.
    """

    def __init__(self, root: Path, longest: int = LONGEST) -> None:
        self._home = OwnFolder(root)
        self._longest = longest
        self._sessions: dict[str, Session] = {}
        self._changed = threading.Condition()
        self._timer: threading.Thread | None = None

    def add(self, owner: str, fill: Callable[[Path], Path], expiry: int = 0) -> Session:
        """A new session whose image `fill` writes into the empty folder it is given.

        `expiry`: seconds of disuse, 0 for the longest. What `fill` raises is raised again, and nothing is left.
        """
        number = secrets.token_hex(16)
        folder = self._home.path / number
        folder.mkdir(mode=0o700)
        try:
            image = fill(folder)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        now = time.time()
        session = Session(number, owner, image, now, now, min(expiry or self._longest, self._longest))
        with self._changed:
            self._sessions[number] = session
            self._start_timer()
            self._changed.notify()
        return session

    def get(self, session_id: str, owner: str, use: bool = True) -> Session:
        """Of this owner; to `use` it puts its end off. Raises UnknownNameError."""
        now = time.time()
        with self._changed:
            session = self._sessions.get(session_id)
            if session is None or session.owner != owner or session.is_over(now):
                raise UnknownNameError(
                    f"There is no session {session_id[:80]!r}; it may have expired, send the image again."
                )
            if use:
                session = self._sessions[session_id] = replace(session, used=now)
            return session

    def remove(self, session_id: str, owner: str) -> Session:
        """Raises UnknownNameError."""
        session = self.get(session_id, owner)
        self._forget([session])
        return session

    def remove_expired(self) -> int:
        """How many were; what servers left behind that are no more goes too. MONAI Label calls it now and then."""
        self._home.remove_left()
        return self._remove_over()

    def _remove_over(self) -> int:
        now = time.time()
        with self._changed:
            over = [session for session in self._sessions.values() if session.is_over(now)]
        return self._forget(over)

    def _forget(self, sessions: list[Session]) -> int:
        with self._changed:
            gone = [found for session in sessions if (found := self._sessions.pop(session.id, None))]
        for session in gone:
            shutil.rmtree(self._home.path / session.id, ignore_errors=True)
        return len(gone)

    def _start_timer(self) -> None:
        if self._timer is None or not self._timer.is_alive():
            self._timer = threading.Thread(target=self._watch, name="sessions", daemon=True)
            self._timer.start()

    def _watch(self) -> None:
        """Remove each session when its time has come; ends with the last one."""
        while True:
            with self._changed:
                if not self._sessions:
                    self._timer = None
                    return
                ends = min(session.used + session.expiry for session in self._sessions.values())
                self._changed.wait(max(ends - time.time(), 0.05))
            self._remove_over()


def session_image(sessions: SessionStore | None, session_id: str, owner: str) -> Path:
    """The image of a session of this user. Raises UnknownNameError; InputError when sessions are switched off."""
    return opened(sessions).get(session_id, owner).image


def opened(sessions: SessionStore | None) -> SessionStore:
    """Raises InputError when sessions are switched off."""
    if sessions is None:
        raise InputError("Sessions are switched off on this server (MONAI_LABEL_SESSIONS).")
    return sessions
