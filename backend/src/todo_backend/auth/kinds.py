"""The kinds of token, and who can vouch for each."""

from typing import Protocol

from todo_backend.auth import jws
from todo_backend.auth.claims import Verified
from todo_backend.auth.issuer import TrustedIssuer
from todo_backend.auth.jws import Jws
from todo_backend.auth.public_keys import ALGORITHMS


class Judge(Protocol):
    """Who verifies what a shared secret has signed."""

    def judge(self, parsed: Jws, *, now: float) -> Verified:
        """Vouch for a token at `now` (Unix seconds), or raise a kind of Unauthenticated."""
        ...


class TokenKinds:
    """Takes a token to the one who can vouch for it, by the algorithm that its header names.

    The algorithm chooses no key: each of them refuses what its own keys are not for. Without an
    `issuer` every token is judged by the shared secret, whose refusal says what is wrong.
    """

    __slots__ = ("_issuer", "_secret")

    def __init__(self, secret: Judge, issuer: TrustedIssuer | None = None) -> None:
        self._secret = secret
        self._issuer = issuer

    def generation(self) -> int:
        """Return a number that changes when what was verified so far has to be verified again."""
        return 0 if self._issuer is None else self._issuer.generation()

    async def verify(self, token: str, *, now: float) -> Verified:
        """Verify a token at `now`, in Unix seconds.

        Raises: TokenInvalid, SignatureInvalid, TokenExpired; KeysUnavailable where nobody can tell.
        """
        parsed = jws.read(token)
        if self._issuer is not None and parsed.alg in ALGORITHMS:
            return await self._issuer.verify(parsed, now=now)
        return self._secret.judge(parsed, now=now)
