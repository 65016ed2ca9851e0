"""Cursors: where a page ends, handed to the client and back without trusting it."""

import base64
import hashlib
import hmac
import re
from typing import Annotated, Final

import orjson
from fastapi import Depends

from todo_backend.model.errors import FieldError, Invalid, Rule
from todo_backend.model.search import Position
from todo_backend.model.task import TaskId

CURSOR: Final = "cursor"
"""The parameter that a cursor comes back in."""
CURSOR_MAX: Final = 4096
"""How many characters a cursor has at most; a title of any letters fits in."""

# Changes with the form of what is sealed. It is no input that a token's signature could have.
_PURPOSE: Final = b"todo-backend: cursors, first form"
_HASH: Final = "sha256"
_TAG_BYTES: Final = hashlib.new(_HASH).digest_size
_SPELLING: Final = re.compile(r"[A-Za-z0-9_-]+")
CONSTRAINT: Final = "must be the next_cursor of a list with the same filters and the same sort"
"""What a text that is none is told."""


class Cursors:
    """Seals positions in lists. Every process with the same `secret` opens what another sealed.

    A cursor is the position, for everybody to read, and an HMAC-SHA256 of it and its `scope`: the
    bytes that name the list, its user included. It opens for the same scope only.
    """

    def __init__(self, secret: str) -> None:
        self._key = hmac.digest(secret.encode(), _PURPOSE, _HASH)

    def seal(self, position: Position, *, scope: bytes) -> str:
        payload = orjson.dumps((position.key, position.task_id))
        return _spelled(self._tag(payload, scope) + payload)

    def open(self, cursor: str, *, scope: bytes) -> Position:
        """Raises: Invalid, whatever is wrong with it."""
        octets = _octets(cursor)
        tag, payload = octets[:_TAG_BYTES], octets[_TAG_BYTES:]
        if not hmac.compare_digest(tag, self._tag(payload, scope)):
            raise Invalid(FieldError(CURSOR, Rule.FORMAT, CONSTRAINT))
        key, task_id = orjson.loads(payload)
        return Position(key, TaskId(task_id))

    def _tag(self, payload: bytes, scope: bytes) -> bytes:
        # The scope's hash has one length, so no part of it can be taken for the payload.
        return hmac.digest(self._key, hashlib.new(_HASH, scope).digest() + payload, _HASH)


def cursors() -> Cursors:
    """Stand for what seals and opens this deployment's cursors."""
    raise NotImplementedError


Sealed = Annotated[Cursors, Depends(cursors)]
"""What seals and opens this deployment's cursors."""


def _spelled(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def _octets(cursor: str) -> bytes:
    """Decode what has the one spelling of a cursor; nothing, which no tag is, of anything else."""
    if len(cursor) > CURSOR_MAX or _SPELLING.fullmatch(cursor) is None or len(cursor) % 4 == 1:
        return b""
    octets = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    return octets if _spelled(octets) == cursor else b""
