"""What whoever watches over a deployment wants to know of a request: one event at most.

The names are those of OWASP's logging vocabulary where it has one.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from todo_backend.model.errors import (
    CredentialMissing,
    CredentialsWrong,
    EmailTaken,
    RateLimited,
    RefreshTokenInvalid,
    SignatureInvalid,
    StrangersTask,
    TodoError,
    TokenExpired,
    TokenInvalid,
    Unauthenticated,
    WrongUser,
)


class Happened(StrEnum):
    """The names of the events, which stay what they are (docs/operations.md)."""

    SIGNED_UP = "user_created"
    SIGN_UP_REFUSED = "user_create_fail"
    SIGNED_IN = "authn_login_success"
    SIGN_IN_REFUSED = "authn_login_fail"
    SESSION_RENEWED = "session_renewed"
    SIGNED_OUT = "session_expired"
    CREDENTIAL_MISSING = "authn_token_missing"
    CREDENTIAL_INVALID = "authn_token_invalid"
    CREDENTIAL_EXPIRED = "authn_token_expired"
    CREDENTIAL_FORGED = "authn_token_forged"
    REFRESH_REPEATED = "authn_token_reuse"
    FOREIGN_PAGE = "malicious_cors"
    FORBIDDEN = "authz_fail"
    TOO_OFTEN = "excess_rate_limit_exceeded"

    @property
    def is_refusal(self) -> bool:
        return self not in _GRANTED


_GRANTED: Final = frozenset(
    {Happened.SIGNED_UP, Happened.SIGNED_IN, Happened.SESSION_RENEWED, Happened.SIGNED_OUT}
)


@dataclass(frozen=True, slots=True)
class Event:
    """What happened, why, and to whose account where that is not the caller's own."""

    name: Happened
    reason: str | None = None
    user_id: str | None = None


def event_of(error: TodoError) -> Event | None:
    """Return what an error means to whoever watches; None for everyday ones."""
    match error:
        case Unauthenticated():
            return Event(_unauthenticated(error), error.reason, error.user_id)
        case WrongUser():
            return Event(Happened.FORBIDDEN, "the path names another user")
        case StrangersTask():
            return Event(Happened.FORBIDDEN, "the task is another user's")
        case RateLimited():
            return Event(Happened.TOO_OFTEN, f"past the limit of {error.limit}")
        case EmailTaken():
            return Event(Happened.SIGN_UP_REFUSED, "the address has an account")
    return None


def _unauthenticated(error: Unauthenticated) -> Happened:
    name = Happened.CREDENTIAL_INVALID
    match error:
        case CredentialMissing():
            name = Happened.CREDENTIAL_MISSING
        case CredentialsWrong():
            name = Happened.SIGN_IN_REFUSED
        case TokenExpired():
            name = Happened.CREDENTIAL_EXPIRED
        case SignatureInvalid():
            name = Happened.CREDENTIAL_FORGED
        case TokenInvalid(is_foreign_page=True):
            name = Happened.FOREIGN_PAGE
        case RefreshTokenInvalid(is_reuse=True):
            name = Happened.REFRESH_REPEATED
    return name
