"""What people paste when they are asked for a token, as the request that would carry it."""

import json
import re
from dataclasses import dataclass, field, replace
from typing import Final
from urllib.parse import parse_qs, urlsplit

from todo_backend.doctor import copied
from todo_backend.doctor.copied import Field

PASTED_MAX: Final = 64 * 1024

SECURE_COOKIE: Final = "__Secure-better-auth.session_token"
_SCHEME: Final = re.compile(r"bearer(?:[ \t\r\n]+|%20|\+|$)", re.IGNORECASE)
_COOKIE: Final = re.compile(r"[\w.-]*session_(?:token|data)=")
# A line of a table of cookies, or arguments in a program.
_ROW: Final = re.compile(
    r"(?<![\w.-])([\w.-]*session_(?:token|data))(?:\t+|[\"'],[ \t]*[\"'])([^\s\"',;]+)"
)
_MEMBERS: Final = ("token", "access_token", "accessToken", "jwt", "session_token")
# What `authClient.token()` and `getSession()` give has the token one level down.
_HOLDERS: Final = ("data", "session")
_SEVERAL: Final = (
    "there are several Authorization headers, of which one is looked at: together they are refused"
)


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
    """Find the token in a bare one, a request, a cookie, a JSON answer or a link."""
    text = text.strip("\ufeff \t\r\n")
    if found := copied.fields(text):
        return _of_fields(found)
    text = _unwrapped(text)
    if any(_COOKIE.match(pair.strip()) for pair in text.split(";")):
        return _of_cookies(text)
    if _SCHEME.match(text):
        return _of_authorization(text)
    if row := _ROW.search(text):
        return _of_cookies(f"{row[1]}={row[2]}")
    found_in = _found_in(text)
    if found_in in ("", text):
        found_in = copied.bearer_in(text) or ("" if copied.is_request(text) else found_in)
    return _of_bare(found_in)


def bearer_of(credential: str) -> tuple[bytes, bytes]:
    """Make the header that a front end sends a credential in."""
    return b"authorization", b"Bearer " + _octets(credential)


def _of_fields(found: list[Field]) -> Pasted:
    """Look at what the server would: `Authorization` first, then the cookies."""

    def values(name: str) -> list[str]:
        return [_unwrapped(field.value) for field in found if field.name == name]

    if sent := values("authorization"):
        pasted = _of_authorization(next(filter(_SCHEME.match, sent), sent[0]))
        if len(set(sent)) > 1:
            pasted = replace(pasted, oddities=(*pasted.oddities, _SEVERAL))
        return pasted
    cookies = "; ".join(values("cookie"))
    given = "; ".join(value.partition(";")[0] for value in values("set-cookie"))
    for name in ("set-auth-jwt", "set-auth-token"):
        if not _ours_of(cookies) and values(name):
            return _of_bare(values(name)[0])
    return _of_cookies(cookies if _ours_of(cookies) or not given else given)


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
    whole, *oddities = _joined(line)
    ours = _ours_of(whole)
    # As the server: the name that only a page with TLS can set counts first.
    ours.sort(key=lambda pair: (not pair[0].endswith("session_token"), pair[0] != SECURE_COOKIE))
    name, value = ours[0] if ours else ("", "")
    return Pasted((b"cookie", _octets(whole)), value, name, tuple(oddities))


def _ours_of(line: str) -> list[tuple[str, str]]:
    pairs = [pair.strip().partition("=") for pair in line.split(";")]
    return [(name, value) for name, _, value in pairs if _COOKIE.match(f"{name}=")]


def _found_in(text: str) -> str:
    """Look into the answer of a sign-in or of `/api/auth/token`, and into a link of an e-mail."""
    if text.startswith("{"):
        try:
            members = json.loads(text)
        except (ValueError, RecursionError):
            return text
        inner = [members.get(name) for name in _HOLDERS]
        objects = [each for each in (members, *inner) if isinstance(each, dict)]
        found = [each[name] for each in objects for name in _MEMBERS if name in each]
        return next((value for value in found if isinstance(value, str)), "")
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
    return text.strip().strip(copied.QUOTES).strip()


def _octets(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
