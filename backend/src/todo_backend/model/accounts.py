"""What is stored of accounts, their sessions and refresh tokens."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class StoredAccount:
    """An account with the hash of its password. `email` is as typed."""

    user_id: str
    email: str
    name: str
    created_at: datetime
    password_hash: str


@dataclass(frozen=True, slots=True)
class NewAccount:
    """An account to be opened. `email_key` is what addresses are compared by."""

    user_id: str
    email: str
    email_key: str
    name: str
    password_hash: str


@dataclass(frozen=True, slots=True)
class NewSession:
    """A session to be opened, by the SHA-256 of its first refresh token, issued at `issued_at`."""

    session_id: str
    token_hash: bytes
    issued_at: datetime
    token_seconds: int
    session_seconds: int


class Presented(StrEnum):
    """What became of a refresh token that somebody presented."""

    ROTATED = "rotated"
    REPLAYED = "replayed"
    """It was spent a moment ago, for a child that nobody has used: the client asks once more."""
    REUSED = "reused"
    """It was spent before; its session is revoked, for one of the two who had it is a thief."""
    ENDED = "ended"
    EXPIRED = "expired"
    UNKNOWN = "unknown"
    DIVERGED = "diverged"
    """As REPLAYED, but its child was derived by another secret than this process has."""


@dataclass(frozen=True, slots=True)
class Rotation:
    """The outcome; and unless it is UNKNOWN, whose session it is.

    `email` and `issued_at`, the child's, are there for ROTATED and REPLAYED.
    """

    outcome: Presented
    user_id: str | None
    session_id: str | None
    email: str | None
    issued_at: datetime | None
