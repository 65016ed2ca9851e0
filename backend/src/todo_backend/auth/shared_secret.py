"""Tokens signed with the secret that this backend shares with the Better Auth application."""

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal, get_args

import jwt

from todo_backend.auth import claims, jws
from todo_backend.auth.claims import ClaimRules, Verified
from todo_backend.auth.jws import Jws
from todo_backend.model.errors import SignatureInvalid, TokenInvalid
from todo_backend.model.principal import USER_ID_MAX

HmacAlgorithm = Literal["HS256", "HS384", "HS512"]

# The length of the MAC, and the least that its key may have (RFC 7518, section 3.2).
DIGEST_BYTES: Final[dict[HmacAlgorithm, int]] = {"HS256": 32, "HS384": 48, "HS512": 64}

# The log may name these; an `alg` outside the list is the sender's text and is not repeated.
_REGISTERED: Final = frozenset(
    {*get_args(HmacAlgorithm), "EdDSA", "Ed25519", "ES256", "ES384", "ES512"}
    | {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}
)


class SharedSecret:
    """The HMAC key, bound to one algorithm whatever a token's header says (RFC 8725, 3.1)."""

    __slots__ = ("_algorithm", "_hmac", "_key", "_rules")

    def __init__(
        self, secret: str, *, rules: ClaimRules, algorithm: HmacAlgorithm = "HS256"
    ) -> None:
        """Take the secret's UTF-8 text as it stands for the key; it is never base64-decoded.

        Raises: ValueError, without the secret, when it can't be a key of the algorithm.
        """
        self._algorithm: HmacAlgorithm = algorithm
        self._rules = rules
        # The algorithm itself and not `jwt.decode`: the key is prepared once, and no second reader
        # of the token can disagree with ours (1.7 µs instead of 27 µs).
        self._hmac = jwt.get_algorithm_by_name(algorithm)
        self._key: bytes = self._prepared(secret)

    def verify(self, token: str, *, now: float) -> Verified:
        """Verify a token at `now`, in Unix seconds.

        Raises: TokenInvalid for what is no token of ours; else SignatureInvalid; and only under a
        signature that verifies, what the claims deserve: TokenInvalid or TokenExpired.
        """
        return self.judge(jws.read(token), now=now)

    def judge(self, parsed: Jws, *, now: float) -> Verified:
        """Verify a token that has been taken apart. Raises: as `verify`."""
        # Parsed first and judged last: what has no claims is no token, whoever signed it.
        members = parsed.claims()
        self.require_signature(parsed)
        session_id = claims.session_of(members)
        return claims.check(members, rules=self._rules, now=now, session_id=session_id)

    def require_signature(self, parsed: Jws) -> None:
        """Raise TokenInvalid for another algorithm, SignatureInvalid for another MAC."""
        self._require_algorithm(parsed.alg)
        if len(parsed.signature) != DIGEST_BYTES[self._algorithm]:
            raise TokenInvalid("signature of another length than the algorithm's")
        if not self._hmac.verify(parsed.signing_input, self._key, parsed.signature):
            raise SignatureInvalid("signature does not verify, is the secret another one?")

    def issue(
        self,
        user_id: str,
        *,
        now: float,
        lifetime_seconds: int,
        email: str | None = None,
        others: Mapping[str, str] = MappingProxyType({}),
    ) -> str:
        """Sign a token, valid from `now` (Unix seconds); the same arguments make the same token.

        `others` are further claims: one for development has none.
        Raises: ValueError when `verify` would refuse the token.
        """
        if not claims.is_user_id(user_id):
            raise ValueError(f"a user id has 1 to {USER_ID_MAX} characters and is not blank")
        if email is not None and claims.profile_text(email, claims.EMAIL_MAX) is None:
            raise ValueError(f"an e-mail address has 1 to {claims.EMAIL_MAX} characters")
        if not 1 <= lifetime_seconds <= claims.LIFETIME_MAX_SECONDS:
            raise ValueError(f"a lifetime is 1 to {claims.LIFETIME_MAX_SECONDS} seconds")
        issued = int(now)
        members: dict[str, object] = {"sub": user_id, "user_id": user_id}
        if email is not None:
            members["email"] = email
        members |= {"iat": issued, "exp": issued + lifetime_seconds, **others}
        # Escaped, a long id of emoji would outgrow the size that the reader accepts.
        payload = json.dumps(members, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
        return jwt.PyJWS().encode(payload, self._key, algorithm=self._algorithm)

    def _prepared(self, secret: str) -> bytes:
        try:
            key: bytes = self._hmac.prepare_key(secret.encode("utf-8"))
        except (UnicodeEncodeError, jwt.InvalidKeyError):
            # Without a cause: a UnicodeEncodeError carries the secret.
            raise ValueError("the secret is not text, or is a key of another kind") from None
        if len(key) < DIGEST_BYTES[self._algorithm]:
            raise ValueError(
                f"{self._algorithm} needs a secret of {DIGEST_BYTES[self._algorithm]} bytes or more"
            )
        return key

    def _require_algorithm(self, alg: str) -> None:
        if alg == self._algorithm:
            return
        if alg in _REGISTERED:
            setting = "JWT_ALGORITHM" if alg in DIGEST_BYTES else "BETTER_AUTH_URL"
            raise TokenInvalid(
                f"the token is {alg} and the backend expects {self._algorithm}: see {setting}"
            )
        raise TokenInvalid("unknown algorithm")
