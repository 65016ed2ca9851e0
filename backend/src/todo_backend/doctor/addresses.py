"""How two addresses differ that are meant to be one: what people trip over."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, urlsplit

from todo_backend.auth.claims import quoted
from todo_backend.doctor.finding import Finding, Level

_LOCAL: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_OTHER: Final = 5
_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Difference:
    """How `found` differs from `wanted`: the less, the nearer; `sentence` says in what."""

    weight: int
    sentence: str
    is_proxy: bool = False

    @property
    def is_other(self) -> bool:
        """Whether these are different places rather than spellings of one."""
        return self.weight >= _OTHER


def difference(found: str, wanted: str) -> Difference:
    """Compare two addresses that are not equal as text."""
    ours, theirs = _split(found), _split(wanted)
    if ours is None or theirs is None:
        return Difference(2 * _OTHER, "they are different texts")
    if found.rstrip("/") == wanted.rstrip("/"):
        return Difference(1, "they differ by a slash at the end")
    if found.lower() == wanted.lower():
        return Difference(1, "they differ by upper and lower case")
    said: list[tuple[int, str]] = []
    is_proxy = ours.scheme != theirs.scheme
    if is_proxy:
        said.append((1, f"{ours.scheme} is not {theirs.scheme}"))
    if ours.hostname != theirs.hostname:
        is_local = {ours.hostname, theirs.hostname} <= _LOCAL
        names = f"{quoted(ours.hostname or '')} is not {quoted(theirs.hostname or '')}"
        said.append(
            (1, f"{names}, although both are this machine") if is_local else (_OTHER, names)
        )
    if _port(ours) != _port(theirs) and not (is_proxy and ours.port == theirs.port):
        said.append((2, f"port {_port(ours)} is not port {_port(theirs)}"))
    if ours.path.rstrip("/") != theirs.path.rstrip("/"):
        is_first = len(ours.path) > len(theirs.path)
        which, path = ("first", ours.path) if is_first else ("second", theirs.path)
        said.append((1, f"the {which} has the path {quoted(path)}"))
    weight = sum(each for each, _ in said)
    return Difference(weight, " and ".join(text for _, text in said) or "they differ", is_proxy)


def of_origin(text: str, allowed: Sequence[str]) -> Finding:
    """Say whether a page's origin may read the answers, and which of the allowed is nearest."""
    origin = _origin(text)
    if origin is None:
        what = "a page without an origin of its own (a file, or a sandboxed frame)"
        sentence = what if text.strip() == "null" else f"{quoted(text)} is no origin"
        return Finding(
            Level.PROBLEM,
            f"{sentence}: no request from there is allowed",
            "serve the page from an http:// or https:// address, and name that",
        )
    shown = quoted(origin)
    if origin in allowed:
        return Finding(Level.OK, f"the origin {shown} is in ALLOWED_ORIGINS")
    nearest = min(allowed, key=lambda each: difference(origin, each).weight, default=None)
    near = ""
    if nearest is not None:
        near = f"; nearest is {quoted(nearest)}: {difference(origin, nearest).sentence}"
    return Finding(
        Level.PROBLEM,
        f"the origin {shown} is not in ALLOWED_ORIGINS, so the browser keeps every answer from the "
        f"page, whatever the token{near}",
        f"add {shown} to ALLOWED_ORIGINS, spelled as the browser's address bar has it",
    )


def _origin(text: str) -> str | None:
    """Return what a browser sends for a page of this address (RFC 6454, section 6.2)."""
    parts = _split(text.strip())
    if parts is None:
        return None
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    port = "" if _port(parts) == _PORTS[parts.scheme] else f":{_port(parts)}"
    return f"{parts.scheme}://{host}{port}"


def _split(text: str) -> SplitResult | None:
    try:
        parts = urlsplit(text)
        is_address = parts.scheme in _PORTS and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return None
    return parts if is_address else None


def _port(parts: SplitResult) -> int:
    return parts.port or _PORTS[parts.scheme]
