"""Tokens that an issuer has signed by a key of its own, which it publishes (RFC 7517)."""

from collections.abc import Mapping
from typing import Protocol
from urllib.parse import urlsplit

from todo_backend.auth import claims
from todo_backend.auth.claims import ClaimRules, Verified
from todo_backend.auth.jws import Jws
from todo_backend.auth.public_keys import ALGORITHMS, PublicKey
from todo_backend.model.errors import TokenInvalid


class KeySource(Protocol):
    """Where the issuer's keys are, as `PublishedKeys` knows."""

    async def find(self, kid: str | None) -> PublicKey:
        """Return a token's key. Raises: TokenInvalid, KeysUnavailable."""

    def generation(self) -> int:
        """Return a number that changes when a key is no longer good."""


class TrustedIssuer:
    """Verifies the tokens of one issuer.

    `rules` say more here than for the shared secret: a token must carry `iss` and `aud` where they
    are expected, since the same keys sign what is meant for others.
    """

    __slots__ = ("_keys", "_rules")

    def __init__(self, keys: KeySource, *, rules: ClaimRules) -> None:
        self._keys = keys
        self._rules = rules

    def generation(self) -> int:
        """Return a number that changes when what was verified so far has to be verified again.

        To be asked with every token that is remembered, before `verify` and not after.
        """
        return self._keys.generation()

    async def verify(self, parsed: Jws, *, now: float) -> Verified:
        """Verify a token at `now`, in Unix seconds.

        Raises: TokenInvalid for what is no token of this issuer's; KeysUnavailable where nobody can
        tell; else SignatureInvalid; and only under a signature that verifies, what the claims
        deserve: TokenInvalid or TokenExpired.
        """
        # Before a key is asked for, so that no rubbish makes anybody fetch one.
        members = parsed.claims()
        if parsed.alg not in ALGORITHMS:
            raise TokenInvalid("the token is not signed by an algorithm of public keys")
        key = await self._keys.find(parsed.kid)
        key.require_signature(parsed)
        self._require_presence(members)
        return claims.check(members, rules=self._rules, now=now)

    def _require_presence(self, members: Mapping[str, object]) -> None:
        if self._rules.issuer is not None and "iss" not in members:
            raise TokenInvalid("iss missing")
        if self._rules.audience is not None and "aud" not in members:
            raise TokenInvalid("aud missing")


def origin_of(better_auth_url: str) -> str:
    """Return what Better Auth at this address writes as `iss` and as `aud`."""
    parts = urlsplit(better_auth_url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def key_address_of(better_auth_url: str) -> str:
    """Return where Better Auth at this address publishes its keys.

    An address with a path is that of its API, as Better Auth reads its own `BETTER_AUTH_URL`;
    without one, the API is at /api/auth.
    """
    base = better_auth_url.rstrip("/")
    return f"{base}/jwks" if urlsplit(base).path else f"{base}/api/auth/jwks"
