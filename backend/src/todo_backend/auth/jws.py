"""The strict reader of a compact JWS, which runs before any library sees the token.

Libraries are lenient where two readers can come to differ: padding, slack bits, repeated members,
a `typ` of another kind of token. Each such spelling is refused here (RFC 7515, RFC 8725), so a
token has exactly one, and what the signature covers is what the claims are read from.
"""

import base64
import json
import math
import re
import sys
from dataclasses import dataclass
from typing import Final, NoReturn

from todo_backend.model.errors import TokenInvalid

TOKEN_MAX_BYTES: Final = 8 * 1024
NESTING_MAX: Final = 32
KID_MAX: Final = 255

# RFC 7515, section 4.1.9 compares media types without regard to case and lets `application/` stay
# away; here the spellings are exact, because no issuer we accept sends others, and a token of
# another kind (refresh, session cache, logout) must never come near to being an access token.
_TYPES: Final = ("JWT", "at+jwt")

# Whatever else a header may carry either changes how the token is read (crit, b64, zip, enc, cty)
# or brings its own key (jku, jwk, x5u, x5c): RFC 8725, sections 3.1 and 3.10.
_HEADER_MEMBERS: Final = frozenset({"alg", "typ", "kid"})

_SEGMENT: Final = re.compile(rb"[A-Za-z0-9_-]+")
_UNFIT_FOR_KID: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
# The closing quote is optional so that text without one can't make the search start over at
# every quote, which takes quadratic time.
_JSON_STRING: Final = re.compile(r'"(?:[^"\\]|\\.)*"?', re.DOTALL)


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


# JSON -----------------------------------------------------------------------------------


def _json_object(octets: bytes) -> dict[str, object]:
    try:
        text = octets.decode("utf-8")
    except UnicodeDecodeError:
        raise TokenInvalid("not UTF-8") from None
    _require_shallow(text)
    try:
        # A byte order mark is not white space, so the decoder refuses it.
        value: object = _DECODER.decode(text)
    except json.JSONDecodeError:
        raise TokenInvalid("not JSON") from None
    if not isinstance(value, dict):
        raise TokenInvalid("not a JSON object")
    return value


def _require_shallow(text: str) -> None:
    """Bound the nesting before the parser recurses into it."""
    if text.count("{") + text.count("[") <= NESTING_MAX:
        return
    depth = 0
    for character in _JSON_STRING.sub("", text):
        if character in "{[":
            depth += 1
            if depth > NESTING_MAX:
                raise TokenInvalid("JSON nested too deeply")
        elif character in "}]":
            depth -= 1


def _without_duplicates(members: list[tuple[str, object]]) -> dict[str, object]:
    unique = dict(members)
    if len(unique) != len(members):
        raise TokenInvalid("JSON member repeated")
    return unique


def _double(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise TokenInvalid("JSON number beyond a double")
    return number


def _integer(text: str) -> int:
    # Only so long a number can be beyond a double, or beyond the digits that int() converts.
    if len(text) > sys.float_info.max_10_exp:
        _double(text)
    return int(text)


def _refuse_constant(_text: str) -> NoReturn:
    raise TokenInvalid("NaN or Infinity in JSON")


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_without_duplicates,
    parse_float=_double,
    parse_int=_integer,
    parse_constant=_refuse_constant,
)
