"""The strict reader of a compact JWS, which runs before any library sees the token.

Libraries are lenient where two readers can come to differ: padding, slack bits, repeated members,
a `typ` of another kind of token. Each such spelling is refused here (RFC 7515, RFC 8725), so a
token has exactly one, and what the signature covers is what the claims are read from.
"""

import base64
import re
from dataclasses import dataclass
from typing import Final

from todo_backend.model import strict_json
from todo_backend.model.errors import TokenInvalid
from todo_backend.model.strict_json import JsonMalformed

TOKEN_MAX_BYTES: Final = 8 * 1024
NESTING_MAX: Final = 32
KID_MAX: Final = 255

# RFC 7515, section 4.1.9 compares media types without regard to case and lets `application/` stay
# away; here the spellings are exact, because no issuer we accept sends others, and a token of
# another kind (refresh, session cache, logout) must never come near to being an access token.
_TYPES: Final = ("JWT", "at+jwt")

# Whatever else a header may carry either changes how the token is read (crit, b64, zip, enc, cty)
# or brings its own key (jku, jwk, x5u, x5c): RFC 8725, sections 3.1 and 3.10. The last three only
# repeat what the `kid` says, or (Clerk's `cat`) which kind of session it is, and are not obeyed.
_HEADER_MEMBERS: Final = frozenset({"alg", "typ", "kid", "x5t", "x5t#S256", "cat"})

_SEGMENT: Final = re.compile(rb"[A-Za-z0-9_-]+")
_UNFIT_FOR_KID: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Jws:
    """A token that is well-formed; nothing in it is verified.

    `signing_input` is the text under the signature; `payload` and `signature` are decoded.
    """

    alg: str
    kid: str | None
    payload: bytes
    signing_input: bytes
    signature: bytes

    def claims(self) -> dict[str, object]:
        """Read the payload as a claims set (RFC 7519, section 4); raises TokenInvalid."""
        return _json_object(self.payload)


def read(token: str | bytes) -> Jws:
    """Take a compact JWS apart.

    Raises: TokenInvalid, whose reason names the defect and never quotes the token.
    Source: RFC 7515, sections 2, 4 and 7.1; I-JSON (RFC 7493) for both objects.
    """
    octets = _octets(token)
    segments = octets.split(b".", 3)
    if len(segments) != 3:  # noqa: PLR2004 - header, claims and signature: RFC 7515, section 7.1
        raise TokenInvalid("not three segments")
    header, payload, signature = (_decoded(segment) for segment in segments)
    alg, kid = _checked_header(_json_object(header))
    return Jws(
        alg=alg,
        kid=kid,
        payload=payload,
        signing_input=octets[: octets.rindex(b".")],
        signature=signature,
    )


def _octets(token: str | bytes) -> bytes:
    if len(token) > TOKEN_MAX_BYTES:
        raise TokenInvalid("token too long")
    if not token.isascii():
        raise TokenInvalid("token not ASCII")
    return token.encode("ascii") if isinstance(token, str) else token


def _decoded(segment: bytes) -> bytes:
    if not _SEGMENT.fullmatch(segment) or len(segment) % 4 == 1:
        raise TokenInvalid("segment not base64url")
    octets = base64.urlsafe_b64decode(segment + b"=" * (-len(segment) % 4))
    # The last character can hold bits that belong to no octet; if they count for nothing, one
    # signature has several spellings (RFC 4648, section 3.5).
    if base64.urlsafe_b64encode(octets).rstrip(b"=") != segment:
        raise TokenInvalid("segment not canonical base64url")
    return octets


def _checked_header(header: dict[str, object]) -> tuple[str, str | None]:
    """Return `alg` and `kid` of a header with no member that this backend does not obey."""
    if not header.keys() <= _HEADER_MEMBERS:
        raise TokenInvalid("header member not allowed")
    alg = header.get("alg")
    if not isinstance(alg, str):
        raise TokenInvalid("alg missing or not a string")
    if "typ" in header and header["typ"] not in _TYPES:
        raise TokenInvalid("typ of another kind of token")
    if "kid" not in header:
        return alg, None
    kid = header["kid"]
    if not isinstance(kid, str) or not 1 <= len(kid) <= KID_MAX or _UNFIT_FOR_KID.search(kid):
        raise TokenInvalid("kid not a usable string")
    return alg, kid


def _json_object(octets: bytes) -> dict[str, object]:
    try:
        value = strict_json.parse(octets, depth_max=NESTING_MAX)
    except JsonMalformed as error:
        raise TokenInvalid(str(error)) from None
    if not isinstance(value, dict):
        raise TokenInvalid("not a JSON object")
    return value
