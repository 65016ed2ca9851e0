"""What a token's claims must say before they make a principal (RFC 7519, section 4.1).

The claims come from `jws.read` and their signature has been verified.
"""

import json
import re
import secrets
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeGuard

from todo_backend.model.errors import TokenExpired, TokenInvalid
from todo_backend.model.principal import USER_ID_MAX, Principal

LEEWAY_MAX_SECONDS: Final = 60
LIFETIME_MAX_SECONDS: Final = 366 * 24 * 60 * 60
EMAIL_MAX: Final = 254
NAME_MAX: Final = 255

# The claim that names a session of this backend's own. It has a form that nobody else's has by
# chance, since a Better Auth application may put a `sid` of its own into tokens it signs.
SESSION: Final = "sid"
_SESSION_ID: Final = re.compile(r"tbs_[A-Za-z0-9_-]{22}")

_SHOWN_MAX: Final = 100
_SECONDS_SHOWN_MAX: Final = 1e12
_MILLISECONDS: Final = 1000
_NO_IDENTITIES: Final = ("id", "userId", "email")

# What PostgreSQL's text cannot hold.
_UNSTORABLE: Final = re.compile(r"[\x00\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class ClaimRules:
    """What a deployment expects of the claims.

    `leeway_seconds` is how far the clocks may be apart: 0 to 60. `issuer` and `audience` are
    compared with `iss` and `aud` where a token carries them; None expects nothing.
    """

    leeway_seconds: int = 5
    issuer: str | None = None
    audience: str | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.leeway_seconds <= LEEWAY_MAX_SECONDS:
            raise ValueError(f"leeway_seconds must be 0 to {LEEWAY_MAX_SECONDS}")


@dataclass(frozen=True, slots=True)
class Verified:
    """A principal, and the moment (Unix seconds, leeway included) when the proof runs out."""

    principal: Principal
    valid_until: float


def check(
    claims: Mapping[str, object], *, rules: ClaimRules, now: float, session_id: str | None = None
) -> Verified:
    """Turn verified claims into a principal; `now` is in Unix seconds.

    `session_id` is what `session_of` says where that may be asked.
    Raises: TokenInvalid for a claim that is missing, mistyped or contradictory; TokenExpired for
    a token with nothing wrong but its age, even if `iat` lies after `exp`, because only then does
    a new token help.
    """
    user_id = _identity(claims)
    _require_issuer(claims, rules.issuer)
    _require_audience(claims, rules.audience)
    expires = _require_times(claims, leeway=rules.leeway_seconds, now=now)
    principal = Principal(
        user_id=user_id,
        email=profile_text(claims.get("email"), EMAIL_MAX),
        name=profile_text(claims.get("name"), NAME_MAX),
        session_id=session_id,
    )
    return Verified(principal, expires + rules.leeway_seconds)


def session_of(claims: Mapping[str, object]) -> str | None:
    """Return the id of the session that a token of this backend's own belongs to.

    None for any other token. The token must have been verified by the shared secret.
    """
    value = claims.get(SESSION)
    return value if isinstance(value, str) and _SESSION_ID.fullmatch(value) else None


def new_session_id() -> str:
    """Make an id that nobody can guess, of the form that `session_of` knows."""
    return f"tbs_{secrets.token_urlsafe(16)}"


def is_user_id(value: object) -> TypeGuard[str]:
    """Whether a value can be somebody's id: 1 to 255 code points, storable, not blank."""
    return isinstance(value, str) and len(value) <= USER_ID_MAX and _is_text(value)


def quoted(value: str) -> str:
    """Spell a claim for the log: at most 100 characters, in visible ASCII."""
    return json.dumps(value[:_SHOWN_MAX])


def span_of(seconds: float) -> str:
    """Spell a span of time for a person, whatever a token says."""
    return f"{min(max(seconds, 0), _SECONDS_SHOWN_MAX):.0f} s"


def profile_text(value: object, maximum: int) -> str | None:
    """Keep an e-mail address or name of at most `maximum` code points; None for what can't be kept.

    A poor profile is no reason to shut its user out.
    """
    if isinstance(value, str) and len(value) <= maximum and _is_text(value):
        return value
    return None


def _identity(claims: Mapping[str, object]) -> str:
    # Never `id`, `userId` or `email`: under the same secret Better Auth signs links that prove an
    # e-mail address was reached and no more.
    candidates = [claims[name] for name in ("sub", "user_id") if name in claims]
    if not candidates:
        others = [name for name in _NO_IDENTITIES if name in claims]
        but = f", but {', '.join(others)}: the signer has to set sub" if others else ""
        raise TokenInvalid(f"neither sub nor user_id{but}")
    user_id = candidates[0]
    if not is_user_id(user_id):
        raise TokenInvalid("user id not a usable string")
    if candidates[-1] != user_id:
        raise TokenInvalid("sub and user_id differ")
    return user_id


def _require_issuer(claims: Mapping[str, object], expected: str | None) -> None:
    if "iss" not in claims:
        return
    issuer = claims["iss"]
    if not isinstance(issuer, str):
        raise TokenInvalid("iss not a string")
    if expected is not None and issuer != expected:
        found, wanted = quoted(issuer), quoted(expected)
        raise TokenInvalid(f"iss is {found}, and {wanted} is expected: see JWT_ISSUER")


def _require_audience(claims: Mapping[str, object], expected: str | None) -> None:
    if "aud" not in claims:
        return
    audience = claims["aud"]
    names = audience if isinstance(audience, list) else [audience]
    texts = [name for name in names if isinstance(name, str)]
    if len(texts) < len(names):
        raise TokenInvalid("aud neither a string nor a list of strings")
    if expected is not None and expected not in texts:
        found, wanted = quoted(", ".join(texts)), quoted(expected)
        raise TokenInvalid(f"aud is {found}, and {wanted} is expected: see JWT_AUDIENCE")


def _require_times(claims: Mapping[str, object], *, leeway: int, now: float) -> float:
    """Check `exp`, `iat` and `nbf`, and return `exp`."""
    expires = _number(claims, "exp")
    issued = _number(claims, "iat")
    not_before = _number(claims, "nbf")
    if expires is None:
        raise TokenInvalid("exp missing: the signer has to set when it ends")
    if now >= expires + leeway:
        raise TokenExpired(f"expired {span_of(now - expires)} ago")
    # No leeway here: a lifetime at the very limit is nobody's practice.
    if expires - now > LIFETIME_MAX_SECONDS:
        is_near = abs(expires / _MILLISECONDS - now) <= LIFETIME_MAX_SECONDS
        unit = ", is it in milliseconds?" if is_near else ""
        raise TokenInvalid(f"exp too far ahead{unit}")
    if issued is not None and issued > expires:
        raise TokenInvalid("iat after exp")
    if issued is not None and issued > now + leeway:
        raise TokenInvalid(f"iat {span_of(issued - now)} in the future, are the clocks apart?")
    if not_before is not None and not_before > now + leeway:
        raise TokenInvalid(f"nbf {span_of(not_before - now)} in the future, are the clocks apart?")
    return expires


def _number(claims: Mapping[str, object], name: str) -> float | None:
    """Read a NumericDate, whole or not (RFC 7519, section 2); None where it is absent."""
    if name not in claims:
        return None
    value = claims[name]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TokenInvalid(f"{name} not a number")
    if not abs(value) <= sys.float_info.max:  # so phrased, it holds for NaN and any integer
        raise TokenInvalid(f"{name} not a number")
    return value


def _is_text(value: str) -> bool:
    return bool(value.strip()) and not _UNSTORABLE.search(value)
