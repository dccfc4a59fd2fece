"""Why somebody is not let in: HTTP errors, each with its status, one sentence and the headers that belong to it."""

from collections.abc import Mapping

from starlette.exceptions import HTTPException


class AccessError(HTTPException):
    """A refusal."""

    status = 401

    def __init__(self, sentence: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(self.status, sentence, headers)


class NotKnownError(AccessError):
    """Nobody, or nobody whose credentials hold (401, with the challenge of RFC 6750)."""

    def __init__(self, sentence: str, invalid: bool = True) -> None:
        why = ', error="invalid_token"' if invalid else ""
        super().__init__(sentence, {"WWW-Authenticate": f'Bearer realm="sdseg"{why}'})


class NotAllowedError(AccessError):
    """Somebody who may not do this (403)."""

    status = 403


class TooManyError(AccessError):
    """Somebody who fails too often (429)."""

    status = 429


class UnavailableError(AccessError):
    """What decides cannot be asked now: the issuer of tokens, the token file (503)."""

    status = 503

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence, {"Retry-After": "10"})
