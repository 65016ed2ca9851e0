"""What people paste when they are asked for a token, as the request that would carry it."""

import json
import re
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qs, urlsplit

PASTED_MAX: Final = 64 * 1024

SECURE_COOKIE: Final = "__Secure-better-auth.session_token"
_QUOTES: Final = "\"'`"
_OPTION: Final = re.compile(r"(?:-H|--header)[ =]+")
_FIELD: Final = re.compile(
    r"(authorization|cookie|set-cookie|set-auth-token|set-auth-jwt)[\"']?[ \t]*:[ \t]*",
    re.IGNORECASE,
)
_SCHEME: Final = re.compile(r"bearer(?:[ \t\r\n]+|%20|\+|$)", re.IGNORECASE)
_COOKIE: Final = re.compile(r"(?:__Secure-|__Host-)?[\w.-]*session_(?:token|data)=")
_MEMBERS: Final = ("token", "access_token", "accessToken", "jwt", "session_token")


@dataclass(frozen=True, slots=True)
class Pasted:
    """The one header of the request, and the credential in it.

    `cookie` is the name of the cookie that the credential is the value of, or would be; None where
    it is sent as `Authorization`. `oddities` are sentences about what was taken off.
    """

    header: tuple[bytes, bytes] = field(repr=False)
    credential: str = field(repr=False)
    cookie: str | None = None
    oddities: tuple[str, ...] = ()


def read(text: str) -> Pasted:
    """Find the token in a bare one, a header's line, a cookie, a JSON answer or a link."""
    text = _unwrapped(_OPTION.sub("", text.strip("\ufeff \t\r\n"), count=1))
    named = _FIELD.match(text)
    if named is not None:
        return _of_field(named[1].lower(), _unwrapped(text[named.end() :].rstrip(",; \t")))
    if _COOKIE.match(text):
        return _of_cookies(text)
    return _of_authorization(text) if _SCHEME.match(text) else _of_bare(_found_in(text))


def bearer_of(credential: str) -> tuple[bytes, bytes]:
    """Make the header that a front end sends a credential in."""
    return b"authorization", b"Bearer " + _octets(credential)


def _of_field(name: str, value: str) -> Pasted:
    match name:
        case "cookie":
            return _of_cookies(value)
        case "set-cookie":
            return _of_cookies(value.partition(";")[0])
        case "authorization":
            return _of_authorization(value)
    return _of_bare(value)


def _of_bare(text: str, *oddities: str) -> Pasted:
    whole, *more = _joined(text)
    return Pasted(bearer_of(whole), whole, oddities=(*oddities, *more))


def _of_authorization(value: str) -> Pasted:
    """Keep what the server would stumble over: another scheme, none, or two of them."""
    scheme = _SCHEME.match(value)
    if scheme is None:
        return Pasted((b"authorization", _octets(value)), value)
    rest = value[scheme.end() :].strip()
    bare = _unwrapped(rest)
    if bare != rest:
        return _of_bare(
            bare, "quotes around the token were taken off: sent with them it is refused"
        )
    return _of_bare(bare)


def _of_cookies(line: str) -> Pasted:
    pairs = [pair.strip().partition("=") for pair in line.split(";")]
    ours = [(name, value) for name, _, value in pairs if _COOKIE.match(f"{name}=")]
    # As the server: the name that only a page with TLS can set counts first.
    ours.sort(key=lambda pair: (not pair[0].endswith("session_token"), pair[0] != SECURE_COOKIE))
    name, value = ours[0] if ours else ("", "")
    return Pasted((b"cookie", _octets(line)), value, name)


def _found_in(text: str) -> str:
    """Look into the answer of a sign-in or of `/api/auth/token`, and into a link of an e-mail."""
    if text.startswith("{"):
        try:
            members = json.loads(text)
        except (ValueError, RecursionError):
            return text
        found = [members[name] for name in _MEMBERS if isinstance(members.get(name), str)]
        return found[0] if found else ""
    if re.match(r"https?://", text):
        try:
            return parse_qs(urlsplit(text).query).get("token", [text])[0]
        except ValueError:
            return text
    return text


def _joined(text: str) -> tuple[str, ...]:
    joined = "".join(line.strip() for line in text.split("\n"))
    if joined == text:
        return (text,)
    return joined, "line breaks in the token were taken out: sent with them it is refused"


def _unwrapped(text: str) -> str:
    return text.strip().strip(_QUOTES).strip()


def _octets(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
