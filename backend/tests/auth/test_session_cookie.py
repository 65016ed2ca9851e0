"""The session cookie: which one counts, and which requests may come by it."""

import pytest

from todo_backend.auth.session_cookie import Presented, presented, require_allowed_origin
from todo_backend.model.errors import CredentialMissing, TokenInvalid

ALLOWED = ("https://app.example", "http://localhost:3000")
PLAIN = b"better-auth.session_token"
SECURE = b"__Secure-better-auth.session_token"


@pytest.mark.parametrize(
    "cookies",
    [
        [PLAIN + b"=x.y%3D"],
        [b"a=1; " + PLAIN + b"=x.y%3D; b=2"],
        [b"a=1;" + PLAIN + b"=x.y%3D;"],
        [b"a=1", PLAIN + b"=x.y%3D"],
        [SECURE + b"=x.y%3D"],
        [PLAIN + b"=other; " + SECURE + b"=x.y%3D"],
        [PLAIN + b"=x.y%3D; " + PLAIN + b"=x.y%3D"],
        [b"=; ; " + PLAIN + b"=; " + PLAIN + b"=x.y%3D"],
    ],
)
def test_the_cookie_is_found(cookies: list[bytes]) -> None:
    """Among others, over several lines, and as no page without TLS can have set it."""
    assert presented([], cookies) == Presented("x.y%3D", is_cookie=True)


@pytest.mark.parametrize(
    "cookies",
    [
        [],
        [b""],
        [PLAIN],
        [PLAIN + b"="],
        [b"better-auth.session_token.0=x"],
        [b"Better-Auth.Session_Token=x"],
        [b"x" + PLAIN + b"=x"],
        [b"better-auth.session_data=x"],
        [b'a="; ' + PLAIN.upper() + b"=x"],
    ],
)
def test_what_is_no_session_cookie_is_no_credential(cookies: list[bytes]) -> None:
    """Names are compared as they are."""
    with pytest.raises(CredentialMissing):
        presented([], cookies)


def test_cookies_that_differ_are_refused() -> None:
    """One of them was set by somebody else, on a neighbouring domain or another path."""
    with pytest.raises(TokenInvalid):
        presented([], [PLAIN + b"=x; " + PLAIN + b"=y"])
    with pytest.raises(TokenInvalid):
        presented([], [SECURE + b"=x", SECURE + b"=y"])


def test_the_header_wins() -> None:
    """Even one that is of no use: a program that sends one means it."""
    cookies = [PLAIN + b"=x"]

    assert presented([b"Bearer t"], cookies) == Presented("t")
    with pytest.raises(CredentialMissing):
        presented([b"Basic dTpw"], cookies)
    with pytest.raises(TokenInvalid):
        presented([b"Bearer t", b"Bearer t"], cookies)


def test_a_credential_does_not_show() -> None:
    """Not in a traceback's text either."""
    assert "x.y" not in repr(presented([], [PLAIN + b"=x.y"]))


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "QUERY", "post"])
@pytest.mark.parametrize(
    "origins",
    [
        [],
        [b""],
        [b"null"],
        [b"https://evil.example"],
        [b"https://app.example.evil.example"],
        [b"https://app.example/"],
        [b"https://app.example:443"],
        [b"http://app.example"],
        [b"HTTPS://APP.EXAMPLE"],
        [b"https://app.example", b"https://app.example"],
        [b"https://app.example https://app.example"],
        [b"https://app.ex\xe4mple"],
    ],
)
def test_what_changes_something_comes_from_a_known_page(method: str, origins: list[bytes]) -> None:
    """A browser says where a page is from, and can't be made to say something else."""
    with pytest.raises(TokenInvalid, match="ALLOWED_ORIGINS"):
        require_allowed_origin(method, origins, allowed=ALLOWED)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_the_front_ends_may_change_things(method: str) -> None:
    """Each of those that are allowed."""
    for origin in ALLOWED:
        require_allowed_origin(method, [origin.encode()], allowed=ALLOWED)


@pytest.mark.parametrize("origins", [[], [b"https://evil.example"], [b"null"]])
def test_reading_needs_no_origin(origins: list[bytes]) -> None:
    """A browser sends none with a plain GET, and shows a strange page no answer."""
    for method in ("GET", "HEAD", "OPTIONS"):
        require_allowed_origin(method, origins, allowed=ALLOWED)
