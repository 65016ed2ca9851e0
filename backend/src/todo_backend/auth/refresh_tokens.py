"""Refresh tokens, and the access tokens that go with them.

A refresh token is 256 bits that only its holder has. Its child is derived and not drawn, and the
access token follows from what the database keeps. So a client that repeats a request whose answer
it never got is given the same answer, byte for byte, although nothing but hashes is stored.
"""

import base64
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from todo_backend.auth.claims import SESSION
from todo_backend.auth.shared_secret import SharedSecret

_FORM: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_OCTETS: Final = 32
_ACCESS_ID_OCTETS: Final = 16
# With blanks, which nothing else has that is signed with the secret: no signature is this key.
_PURPOSE: Final = b"todo-backend: the child of a refresh token"


@dataclass(frozen=True, slots=True)
class TokenPair:
    """What a client gets: `expires_in` is the lifetime of the access token in seconds.

    `user_id` is whose they are.
    """

    access_token: str
    refresh_token: str
    expires_in: int
    user_id: str


class Tokens:
    """Makes tokens under one secret, which `key` signs access tokens with."""

    __slots__ = ("_access_seconds", "_child_key", "_key", "refresh_seconds")

    def __init__(
        self, key: SharedSecret, *, secret: str, access_seconds: int, refresh_seconds: int
    ) -> None:
        self._key = key
        self._child_key = hmac.digest(secret.encode("utf-8"), _PURPOSE, "sha256")
        self._access_seconds = access_seconds
        self.refresh_seconds = refresh_seconds

    def first(self) -> str:
        """Make the first refresh token of a session."""
        return _text(secrets.token_bytes(_OCTETS))

    def child_of(self, token: str) -> str:
        return _text(hmac.digest(self._child_key, token.encode("ascii"), "sha256"))

    def pair(
        self, token: str, *, user_id: str, email: str, session_id: str, issued_at: datetime
    ) -> TokenPair:
        """Put an access token to a refresh token: the same arguments make the same one."""
        access_token = self._key.issue(
            user_id,
            now=issued_at.timestamp(),
            lifetime_seconds=self._access_seconds,
            email=email,
            others={"jti": _access_id(token), SESSION: session_id},
        )
        return TokenPair(access_token, token, self._access_seconds, user_id)


def is_formed(text: str) -> bool:
    """Whether the text has the form of a refresh token, which no access token has."""
    return _FORM.fullmatch(text) is not None


def hash_of(token: str) -> bytes:
    """Return what is stored of a token: one SHA-256 will do for what nobody can guess."""
    return hashlib.sha256(token.encode("ascii")).digest()


def _access_id(token: str) -> str:
    # From the hash, and not the hash: a token says nothing that finds a row.
    return _text(hashlib.sha256(b"jti" + hash_of(token)).digest()[:_ACCESS_ID_OCTETS])


def _text(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode("ascii")
