"""Better Auth's session cache (cookie `session_data`, strategy `jwt`), sent as a bearer token.

It is a JWT under the shared secret that names nobody by `sub`: the user is an object in it, beside
the session. It says that the session was there when it was written, so it outlives a sign-out until
its `exp`, five minutes as Better Auth has it.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from todo_backend.auth import claims
from todo_backend.auth.claims import ClaimRules, Verified
from todo_backend.model.errors import TokenExpired, TokenInvalid

# With one of these beside the objects, two readers could come to name different users.
_OTHER_IDENTITIES: Final = frozenset({"sub", "user_id", "id", "userId", "email", claims.SESSION})
_JUDGED_AS_CLAIMS: Final = ("iss", "aud", "iat", "nbf", "exp")
_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)")
_NO_MOMENT: Final = "session.expiresAt not a moment"
_MILLISECONDS: Final = 1000
_MILLISECONDS_MAX: Final = 8.64e15  # the last moment of JavaScript


def is_one(members: Mapping[str, object]) -> bool:
    """Whether claims are a session cache, which says nothing yet about whether it is good."""
    return (
        "session" in members
        and "user" in members
        and "sub" not in members
        and "user_id" not in members
    )


def check(members: Mapping[str, object], *, rules: ClaimRules, now: float) -> Verified:
    """Turn a verified session cache into a principal; `now` is in Unix seconds.

    Raises: TokenInvalid for what is contradictory, mistyped or missing; TokenExpired where nothing
    is wrong but the age, of the token or of the session in it.
    """
    if not members.keys().isdisjoint(_OTHER_IDENTITIES):
        raise TokenInvalid("a session cache with another identity beside it")
    session, user = members.get("session"), members.get("user")
    if not isinstance(session, dict) or not isinstance(user, dict):
        raise TokenInvalid("a session cache without its objects")
    user_id = user.get("id")
    if not isinstance(user_id, str) or session.get("userId") != user_id:
        raise TokenInvalid("a session cache whose session is not its user's")
    session_ends = _moment(session.get("expiresAt"))
    as_claims = {name: members[name] for name in _JUDGED_AS_CLAIMS if name in members}
    as_claims |= {"sub": user_id, "email": user.get("email"), "name": user.get("name")}
    verified = claims.check(as_claims, rules=rules, now=now)
    if now >= session_ends + rules.leeway_seconds:
        raise TokenExpired("the cached session has expired")
    return Verified(
        verified.principal, min(verified.valid_until, session_ends + rules.leeway_seconds)
    )


def require_agreement(members: Mapping[str, object], user_id: str) -> None:
    """Raise TokenInvalid where a token has `sub` or `user_id` and the objects of somebody else."""
    session, user = members.get("session"), members.get("user")
    if not isinstance(session, dict) or not isinstance(user, dict):
        return
    if session.get("userId", user_id) != user_id or user.get("id", user_id) != user_id:
        raise TokenInvalid("the token and the session in it name different users")


def _moment(value: object) -> float:
    """Read a moment as JavaScript writes it, a text or milliseconds, in Unix seconds."""
    match value:
        case str() if _MOMENT.fullmatch(value):
            try:
                return datetime.fromisoformat(value).timestamp()
            except (ValueError, OverflowError):  # no such day, or none that this machine counts
                raise TokenInvalid(_NO_MOMENT) from None
        case bool():
            raise TokenInvalid(_NO_MOMENT)
        case int() | float() if abs(value) <= _MILLISECONDS_MAX:
            return value / _MILLISECONDS
    raise TokenInvalid(_NO_MOMENT)
