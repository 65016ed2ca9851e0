"""The session cookie of Better Auth, for deployments that take it for a credential.

A browser sends a cookie along whoever made the page that asks, so a request that changes something
has to come from a page of the front ends' (OWASP, cross-site request forgery).
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Final

from todo_backend.auth import bearer
from todo_backend.model.errors import TokenInvalid

# In the order in which they count: no page without TLS can set the first.
NAMES: Final = (b"__Secure-better-auth.session_token", b"better-auth.session_token")
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class Presented:
    """The credential of a request; one from a cookie has to be a signed session token."""

    credential: str = field(repr=False)
    is_cookie: bool = False


def presented(authorization: Sequence[bytes], cookies: Sequence[bytes]) -> Presented:
    """Find the credential where cookies are accepted: an `Authorization` header wins.

    Both are all values of their header. Raises: CredentialMissing, TokenInvalid.
    """
    cookie = None if authorization else find(cookies)
    if cookie is not None:
        return Presented(cookie, is_cookie=True)
    return Presented(bearer.credential(authorization))


def find(cookies: Sequence[bytes]) -> str | None:
    """Read the session cookie's value, still encoded, out of all `Cookie` values of a request.

    Raises: TokenInvalid where a name has several values, one of which somebody else has set.
    """
    pairs = [pair.strip(b" \t").partition(b"=") for line in cookies for pair in line.split(b";")]
    for wanted in NAMES:
        values = {value for name, _, value in pairs if name == wanted and value}
        if len(values) > 1:
            raise TokenInvalid("session cookies that differ")
        if values:
            return values.pop().decode("latin-1")
    return None


def require_allowed_origin(
    method: str, origins: Sequence[bytes], *, allowed: Collection[str]
) -> None:
    """Let a request by cookie pass that is safe (RFC 9110, 9.2.1), or comes from a known page.

    `origins` are the values of its `Origin` header. Raises: TokenInvalid.
    """
    if method in _SAFE:
        return
    if len(origins) != 1 or origins[0].decode("latin-1") not in allowed:
        reason = "a session cookie without an Origin of ALLOWED_ORIGINS"
        raise TokenInvalid(reason, is_foreign_page=True)
