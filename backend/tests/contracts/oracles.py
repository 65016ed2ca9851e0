"""What holds for every response, whatever was asked: CONTRACT's headers, and no leak.

`check` is the oracle. The clients of these tests run it on each answer that they receive, so a
test that looks at something else looks at this as well. That the oracle sees what it is to see is
tests/contracts/test_oracles.py; what an answer has to be by the documentation is in `declared`.
"""

import json
import re
from typing import Any, Final, NoReturn

import httpx

from tests.contracts.drivers import Driver, Refusal
from tests.support.server import SECRET

REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,128}")
HSTS: Final = "strict-transport-security"

EXPOSED: Final = {
    "etag",
    "location",
    "link",
    "x-request-id",
    "retry-after",
    "ratelimit-limit",
    "ratelimit-remaining",
    "ratelimit-reset",
    "idempotent-replayed",
}
"""What a front end of another origin may read, beyond what it always may."""

_AUTHENTICATE: Final = {"Bearer", 'Bearer error="invalid_token"'}
_BODILESS: Final = {204, 304}
# Nothing of how the server is made belongs in an answer.
_LEAKS: Final = ("Traceback", ".py", "asyncpg", "postgresql:", SECRET)


def check(
    response: httpx.Response,
    driver: Driver,
    *,
    production: bool = False,
    head: bool = False,
    has_own_form: bool = False,
    has_address: bool = True,
    has_faults: bool = False,
) -> None:
    """Assert what every response promises.

    `head` says that it answers a HEAD, and `has_own_form` that its errors are not the contract's:
    those of /health and of a preflight. What has been created `has_address`, unless it is an
    account. Where the test `has_faults` of its own making, the server may fail.
    """
    assert has_faults or response.status_code < 500, response.text
    headers = _single_headers(response)
    assert REQUEST_ID.fullmatch(headers["x-request-id"])
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "frame-ancestors 'none'" in policy
    assert "base-uri 'none'" in policy
    expected_caching = "private, no-cache" if "etag" in headers else "no-store"
    assert headers["cache-control"] == expected_caching
    assert headers.keys().isdisjoint({"server", "x-powered-by"})
    assert (HSTS in headers) == production
    _check_status_headers(response, headers, has_address=has_address)
    if response.status_code in _BODILESS:
        assert response.content == b""
        assert headers.keys().isdisjoint({"content-length", "content-type", "transfer-encoding"})
    elif head:
        assert response.content == b""
    elif "transfer-encoding" in headers:
        _check_stream(response, driver)
    else:
        assert int(headers["content-length"]) == len(response.content)
    if headers.get("content-type") == "application/json" and not head:
        strict_json(response.content)
    if response.status_code >= 400 and not head and not has_own_form:
        _check_error(response, driver)


def refused(response: httpx.Response, driver: Driver, expected: Refusal) -> Any:
    """Assert that this is the refusal, and return its parsed body."""
    check(response, driver, has_faults=expected.status >= 500)
    body = strict_json(response.content)
    assert Refusal(response.status_code, driver.code_of(body)) == expected, response.text
    return body


def listed(header: str) -> set[str]:
    return {item.strip().lower() for item in header.split(",")}


def assert_readable(response: httpx.Response, origin: str) -> None:
    """Assert that a page of `origin` may read the answer and the headers that it needs."""
    assert response.headers["access-control-allow-origin"] == origin
    assert response.headers["access-control-allow-credentials"] == "true"
    assert listed(response.headers["access-control-expose-headers"]) == EXPOSED
    assert "origin" in listed(response.headers["vary"])


def strict_json(octets: bytes) -> Any:
    """Parse what must be I-JSON (RFC 7493): every reader of it sees the same."""
    return json.loads(
        octets.decode("utf-8"), object_pairs_hook=_without_duplicates, parse_constant=_no_constant
    )


def _single_headers(response: httpx.Response) -> dict[str, str]:
    """Return the headers by name; none but Vary may be repeated."""
    headers: dict[str, str] = {}
    for name, value in response.headers.multi_items():
        assert name == "vary" or name not in headers, f"{name} twice"
        headers[name] = value
    return headers


def _check_status_headers(
    response: httpx.Response, headers: dict[str, str], *, has_address: bool
) -> None:
    status = response.status_code
    assert ("www-authenticate" in headers) == (status == 401)
    assert headers.get("www-authenticate", "Bearer") in _AUTHENTICATE
    assert ("location" in headers) == (status == 201 and has_address)
    assert headers.get("idempotent-replayed", "true") == "true"
    assert "idempotent-replayed" not in headers or status == 201
    assert headers.get("location", "/").startswith("/")
    # Who has sent an Idempotency-Key twice at once may come back; who wants a taken address, not.
    assert ("retry-after" in headers) == (status in {429, 503}) or status == 409
    assert int(headers.get("retry-after", "1")) > 0
    _check_limit_headers(headers, is_limited=status == 429)
    if status == 405:
        assert headers["allow"]
    if status == 415:
        assert headers["accept"] == "application/json"
    if status == 413:
        assert headers["connection"] == "close"


def _check_limit_headers(headers: dict[str, str], *, is_limited: bool) -> None:
    names = {"ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"}
    assert headers.keys() & names in (set(), names)
    if names <= headers.keys():
        limit, remaining, reset = (int(headers[name]) for name in sorted(names))
        assert 0 <= remaining <= limit
        assert reset > 0
    if is_limited:
        assert headers["ratelimit-remaining"] == "0"
        assert int(headers["retry-after"]) >= int(headers["ratelimit-reset"])


def _check_stream(response: httpx.Response, driver: Driver) -> None:
    """Only a list without an end comes in chunks, whole: its tag is the weak one."""
    assert driver.streams_lists
    assert response.status_code == 200
    assert response.headers["etag"].startswith("W/")
    assert response.headers["transfer-encoding"] == "chunked"
    assert "content-length" not in response.headers
    driver.tasks_of(strict_json(response.content))


def _check_error(response: httpx.Response, driver: Driver) -> None:
    assert response.headers["content-type"] == "application/json"
    driver.code_of(strict_json(response.content))
    assert not [leak for leak in _LEAKS if leak in response.text]


def _without_duplicates(members: list[tuple[str, object]]) -> dict[str, object]:
    unique = dict(members)
    assert len(unique) == len(members)
    return unique


def _no_constant(constant: str) -> NoReturn:
    raise AssertionError(constant)
