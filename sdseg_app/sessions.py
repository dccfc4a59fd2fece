"""Images that a client sent ahead, by session."""

import re
from pathlib import Path

from monailabel.utils.sessions import Sessions

from sdseg.errors import InputError, UnknownNameError

_ID = re.compile(r"[A-Za-z0-9-]{1,64}")


def session_image(sessions: Sessions | None, session_id: str) -> Path:
    """The image of a session. Raises UnknownNameError; InputError when sessions are switched off."""
    if sessions is None:
        raise InputError("Sessions are switched off on this server (MONAI_LABEL_SESSIONS).")
    session = sessions.get_session(session_id) if _ID.fullmatch(session_id) else None
    if session is None:
        raise UnknownNameError(f"There is no session {session_id[:80]!r}; it may have expired, send the image again.")
    return Path(session.image)
