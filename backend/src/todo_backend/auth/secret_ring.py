"""The secrets of a deployment that changes them: one signs, and others may still be good.

Better Auth signs with the first of its BETTER_AUTH_SECRETS alone and verifies by that one alone, so
a new secret signs everybody out. Accepting the old ones here is a choice for the time between.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from todo_backend.auth import claims, session_cache
from todo_backend.auth.claims import ClaimRules, Verified
from todo_backend.auth.jws import Jws
from todo_backend.auth.shared_secret import HmacAlgorithm, SharedSecret
from todo_backend.model.errors import SignatureInvalid

_Key = TypeVar("_Key")


@dataclass(frozen=True, slots=True)
class Secrets:
    """The secret that signs and verifies, and those before it, the newest first."""

    current: str = field(repr=False)
    retired: Sequence[str] = field(default=(), repr=False)
    accepts_retired: bool = False

    @property
    def all(self) -> tuple[str, ...]:
        return (self.current, *self.retired)


class SecretRing:
    """Verifies what is signed with a shared secret: access tokens, and cached sessions."""

    __slots__ = ("_accepts_retired", "_keys", "_rules")

    def __init__(
        self, secrets: Secrets, *, rules: ClaimRules, algorithm: HmacAlgorithm = "HS256"
    ) -> None:
        """Raises: ValueError, without the secret, when one can't be a key of the algorithm."""
        self._rules = rules
        self._accepts_retired = secrets.accepts_retired
        self._keys = [
            SharedSecret(secret, rules=rules, algorithm=algorithm) for secret in secrets.all
        ]

    @property
    def current(self) -> SharedSecret:
        """The key that this backend's own tokens are signed with."""
        return self._keys[0]

    def judge(self, parsed: Jws, *, now: float) -> Verified:
        """Verify a token that has been taken apart, at `now`, in Unix seconds.

        Raises: TokenInvalid for what is no token of ours; else SignatureInvalid; and only under a
        signature that verifies, what the claims deserve: TokenInvalid or TokenExpired.
        """
        members = parsed.claims()
        require_one(
            self._keys,
            lambda key: _verifies(key, parsed),
            accepts_retired=self._accepts_retired,
        )
        return self._judged(members, now)

    def _judged(self, members: Mapping[str, object], now: float) -> Verified:
        if session_cache.is_one(members):
            return session_cache.check(members, rules=self._rules, now=now)
        session_id = claims.session_of(members)
        verified = claims.check(members, rules=self._rules, now=now, session_id=session_id)
        session_cache.require_agreement(members, verified.principal.user_id)
        return verified


def require_one(
    keys: Sequence[_Key], verifies: Callable[[_Key], bool], *, accepts_retired: bool
) -> None:
    """Raise SignatureInvalid unless a key verifies that is the first or accepted beside it."""
    position = next((at for at, key in enumerate(keys) if verifies(key)), None)
    if position is None:
        raise SignatureInvalid("signature does not verify, is the secret another one?")
    if position and not accepts_retired:
        raise SignatureInvalid("signed with a retired secret, see ACCEPT_RETIRED_SECRETS")


def _verifies(key: SharedSecret, parsed: Jws) -> bool:
    try:
        key.require_signature(parsed)
    except SignatureInvalid:
        return False
    return True
