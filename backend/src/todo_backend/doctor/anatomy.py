"""What kind of token something is, by its looks alone: nothing here is verified."""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from todo_backend.auth import claims as claim_rules
from todo_backend.auth import jws, public_keys, refresh_tokens, session_cache
from todo_backend.auth.claims import quoted
from todo_backend.auth.shared_secret import DIGEST_BYTES
from todo_backend.model import strict_json
from todo_backend.model.strict_json import JsonMalformed


class Kind(StrEnum):
    """Each as a sentence goes on after "this is"."""

    NOTHING = "no token"
    PUBLISHED = "a JWT signed by a key of its issuer's own, as by Better Auth's JWT plugin"
    SHARED = "a JWT signed with the shared secret"
    ACCOUNT = "an access token of this backend's own accounts"
    REFRESH = "a refresh token, by its form"
    CACHE = "Better Auth's session cache (cookie session_data, strategy jwt)"
    CACHE_PUBLISHED = "Better Auth's session cache signed by a key of its own"
    CACHE_COMPACT = "Better Auth's session cache (cookie session_data, strategy compact)"
    ENCRYPTED = "an encrypted token (JWE), as Better Auth's session cache by strategy jwe"
    LINK = "the token of an e-mail verification link"
    OAUTH = "an access token of Better Auth's OAuth provider (typ at+jwt)"
    OIDC = "an OpenID Connect id token, by its claims"
    SIGNED_SESSION = "a signed session token of Better Auth"
    BARE_SESSION = "an unsigned session token of Better Auth, by its form"
    JWT = "a JWT of another kind"
    OTHER = "neither a JWT nor a session token"


SESSIONS: Final = (Kind.SIGNED_SESSION, Kind.BARE_SESSION)

# What JavaScript makes of a token that isn't there.
_NOTHINGS: Final = frozenset(
    {"", "undefined", "null", "NaN", "[object Object]", "[object Promise]"}
)
_BARE: Final = re.compile(r"[A-Za-z0-9]{32}")
_SIGNED: Final = re.compile(r"[A-Za-z0-9]{32}\.[A-Za-z0-9+/%]{43,49}=?")
_OF_AN_ID_TOKEN: Final = frozenset({"nonce", "auth_time", "at_hash", "azp", "acr"})
_CACHE: Final = "session-cache"
_JWS_PARTS: Final = 3
_JWE_PARTS: Final = 5


@dataclass(frozen=True, slots=True)
class Anatomy:
    """What can be read of a token: empty where it can't."""

    kind: Kind
    header: Mapping[str, object] = field(default_factory=dict, repr=False)
    claims: Mapping[str, object] = field(default_factory=dict, repr=False)

    @property
    def alg(self) -> str | None:
        return _text(self.header.get("alg"))

    @property
    def kid(self) -> str | None:
        return _text(self.header.get("kid"))

    @property
    def issuer(self) -> str | None:
        return _text(self.claims.get("iss"))

    @property
    def user_id(self) -> str | None:
        """Whom it names, as the server would read it."""
        if self.kind is Kind.CACHE:
            user = self.claims.get("user")
            return _text(user.get("id")) if isinstance(user, dict) else None
        return _text(self.claims.get("sub", self.claims.get("user_id")))

    @property
    def description(self) -> str:
        """The kind and what its header says, fit to be shown."""
        details = [self.alg and f"alg {quoted(self.alg)}", self.kid and f"kid {quoted(self.kid)}"]
        said = ", ".join(detail for detail in details if detail)
        return f"{self.kind}; {said}" if said else str(self.kind)


def of(credential: str) -> Anatomy:
    """Look at a credential, however malformed."""
    parts = credential.split(".")
    if credential.strip() in _NOTHINGS:
        return Anatomy(Kind.NOTHING)
    if len(credential) > jws.TOKEN_MAX_BYTES:
        return Anatomy(Kind.OTHER)
    if len(parts) == _JWE_PARTS and "enc" in _members(parts[0]):
        return Anatomy(Kind.ENCRYPTED)
    if len(parts) == _JWS_PARTS:
        header, claims = _members(parts[0]), _members(parts[1])
        return Anatomy(_kind_of_jwt(header, claims), header, claims)
    return Anatomy(_kind_of_opaque(credential))


def _kind_of_opaque(credential: str) -> Kind:
    if _SIGNED.fullmatch(credential):
        return Kind.SIGNED_SESSION
    if _BARE.fullmatch(credential):
        return Kind.BARE_SESSION
    if refresh_tokens.is_formed(credential):
        return Kind.REFRESH
    if _members(credential).keys() >= {"session", "signature"}:
        return Kind.CACHE_COMPACT
    return Kind.OTHER


def _kind_of_jwt(header: Mapping[str, object], claims: Mapping[str, object]) -> Kind:
    alg, typ = _text(header.get("alg")), _text(header.get("typ")) or ""
    if _CACHE in typ or _CACHE in str(claims.get("aud")):
        return Kind.CACHE_PUBLISHED
    if alg in public_keys.ALGORITHMS:
        kind = Kind.PUBLISHED if _OF_AN_ID_TOKEN.isdisjoint(claims) else Kind.OIDC
        return Kind.OAUTH if typ == "at+jwt" else kind
    return _kind_by_secret(claims) if alg in DIGEST_BYTES else Kind.JWT


def _kind_by_secret(claims: Mapping[str, object]) -> Kind:
    if session_cache.is_one(claims):
        return Kind.CACHE
    if claim_rules.session_of(claims) is not None:
        return Kind.ACCOUNT
    is_link = "email" in claims and claims.keys().isdisjoint({"sub", "user_id"})
    return Kind.LINK if is_link else Kind.SHARED


def _members(segment: str) -> Mapping[str, object]:
    """Read a segment as a JSON object, or as an empty one where it is none."""
    try:
        octets = base64.b64decode(segment + "=" * (-len(segment) % 4), b"-_")
        value = strict_json.parse(octets, depth_max=jws.NESTING_MAX)
    except (binascii.Error, ValueError, JsonMalformed):
        return {}
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
