"""Long runs of one thing in what a client may send: reading them costs what their length costs.

A pattern that tries again from each place of a run takes half a minute for 30 KB, in which nobody
else is answered.
"""

import asyncio
from typing import Final

import pytest

from tests.contracts import oracles, wire
from tests.contracts.people import Person

_LENGTH: Final = 30_000
_SECONDS_MAX: Final = 5.0
_RUNS: Final = (
    *(b" ", b"\t", b",", b'"', b";", b"=", b"%", b".", b"/", b"\\", b"-", b":", b"[", b"a", b"0"),
    *(b'W/"', b", ", b'",', b"; ", b";a=", b'\\"', b"a.", b"%2", b"a=", b"::", b'a="', b"W/"),
)
_JSON_RUNS: Final = (
    *(b" ", b"[", b"{", b'"', b"\\", b",", b"0", b"-"),
    *(b'\\"', b'{"a":', b'"a",', b"\\u0020"),
)
_FIELDS: Final = {
    "if-none-match": '"{}',
    "if-match": '"{}',
    "authorization": "Bearer {}",
    "cookie": "better-auth.session_token={}",
    "content-type": "application/json;{}",
    "content-encoding": "{}",
    "idempotency-key": "{}",
    "x-request-id": "{}",
    "x-forwarded-for": "{}",
    "origin": "http://{}",
    "accept": "{}",
    "access-control-request-headers": "{}",
}


async def answered(user: Person, octets: bytes) -> None:
    async with asyncio.timeout(_SECONDS_MAX), wire.connected(user.deployment.url) as connection:
        response = await connection.exchange(octets)
    assert response.status_code < 500
    oracles.check(response, user.driver)


def spelled(form: str, run: bytes) -> bytes:
    """Put the run in its place, with an end that no pattern expects."""
    before, after = form.encode().split(b"{}")
    return before + b"a" + (run * _LENGTH)[:_LENGTH] + b"a" + after


@pytest.mark.parametrize("name", _FIELDS)
async def test_runs_in_a_header_are_read_at_once(user: Person, name: str) -> None:
    """Whatever the answer is, it comes, and has the form of the contract."""
    task = await user.given_task()
    method = {"idempotency-key": "POST", "if-none-match": "GET"}.get(name, "PUT")
    path = user.tasks if method == "POST" else user.path(task)
    fields = {"authorization": user.authorization[1], "content-type": "application/json"}

    for run in _RUNS:
        headers = fields | {name: spelled(_FIELDS[name], run)}
        await answered(user, wire.request(method, path, headers.items(), b'{"title":"Buy milk"}'))


async def test_runs_in_an_address_are_read_at_once(user: Person) -> None:
    """In a path and in a query, as they stand and percent-encoded."""
    for run in ("/", "a", "%20", "%2F", ".", "../", "&", "=", "a=&", "+", ";", "%"):
        text = (run * _LENGTH)[:7_500]
        for target in (f"/{text}", f"{user.tasks}?status={text}", f"/?{text}"):
            await answered(user, wire.request("GET", target, [user.authorization]))


async def test_runs_in_a_body_are_read_at_once(user: Person) -> None:
    """As JSON, as text within it, and as what is neither."""
    headers = [user.authorization, ("content-type", "application/json")]
    for run in _JSON_RUNS:
        text = run * (_LENGTH // len(run))
        for body in (text, b'{"title":"' + text + b'"}', b'{"title":"a"' + text):
            await answered(user, wire.request("POST", user.tasks, headers, body))
