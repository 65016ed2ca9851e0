"""What kind of token something is, by its looks alone: nothing here is verified."""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final
from urllib.parse import unquote

from todo_backend.auth import claims as claim_rules
from todo_backend.auth import jws, public_keys, refresh_tokens, session_cache, session_tokens
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
    OAUTH = "an OAuth access token (typ at+jwt), as by Better Auth's OAuth provider"
    ACCESS = "an OAuth access token, by its claims, as by Keycloak or Auth0"
    OIDC = "an OpenID Connect id token, by its claims"
    SIGNED_SESSION = "a signed session token of Better Auth"
    SPOILED_SESSION = "a signed session token of Better Auth that was changed on its way"
    BARE_SESSION = "an unsigned session token of Better Auth, by its form"
    JWT = "a JWT of another kind"
    OTHER = "neither a JWT nor a session token"


SESSIONS: Final = (Kind.SIGNED_SESSION, Kind.BARE_SESSION)

# What JavaScript makes of a token that isn't there.
_NOTHINGS: Final = frozenset(
    {"", "undefined", "null", "NaN", "[object Object]", "[object Promise]"}
)
_BARE: Final = re.compile(r"[A-Za-z0-9]{32}")
# What says which of the two a token is. Not `azp`, `acr` and `auth_time`: both have them. Access
# tokens are looked for first, because Keycloak of old put the nonce into them too.
_OF_AN_ACCESS_TOKEN: Final = frozenset({"scope", "scp"})
_OF_AN_ID_TOKEN: Final = frozenset({"nonce", "at_hash", "c_hash", "s_hash"})
# Keycloak says it by a claim.
_TYP_OF_KEYCLOAK: Final = {"Bearer": Kind.ACCESS, "ID": Kind.OIDC}
_ACCESS_TYPES: Final = ("at+jwt", "application/at+jwt")
_ENCODINGS_MAX: Final = 5
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


def changes(credential: str) -> list[str]:
    """Say what has become of a signed session token on its way, if undoing that makes it one."""
    text, count = credential, 0
    while "%" in text and count < _ENCODINGS_MAX:
        text, count = unquote(text), count + 1
    said = [f"it is percent-encoded {count} times, where once is what a cookie holds"]
    said = said if count > 1 else []
    if " " in text:
        text = text.replace(" ", "+")
        said.append("it has blanks where + was: something read it as a form's value")
    if not text.endswith("="):
        text += "="
        said.append("it has lost the = at its end")
    if session_tokens.parts_of(text) is None:
        return []
    return said or ["it is percent-encoded where a cookie is not"]


def _kind_of_opaque(credential: str) -> Kind:
    if session_tokens.parts_of(credential):
        return Kind.SIGNED_SESSION
    if changes(credential):
        return Kind.SPOILED_SESSION
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
        return Kind.OAUTH if typ.lower() in _ACCESS_TYPES else _kind_by_purpose(claims)
    return _kind_by_secret(claims) if alg in DIGEST_BYTES else Kind.JWT


def _kind_by_purpose(claims: Mapping[str, object]) -> Kind:
    """Tell a token for an API from one that tells a client who has signed in."""
    if said := _TYP_OF_KEYCLOAK.get(_text(claims.get("typ")) or ""):
        return said
    if not _OF_AN_ACCESS_TOKEN.isdisjoint(claims):
        return Kind.ACCESS
    return Kind.PUBLISHED if _OF_AN_ID_TOKEN.isdisjoint(claims) else Kind.OIDC


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
