"""What every answer is held against sees what it is there to see.

Each case is a good answer with one thing wrong; without that thing the same answer passes.
"""

import asyncio
import io
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import httpx
import jsonschema_rs
import pytest

from tests.contracts import declared, invariants, oracles, wire
from tests.contracts.drivers import ENVELOPE, PLAIN
from tests.contracts.people import Person
from tests.contracts.records import Records
from tests.database.databases import session
from tests.support.server import SECRET, Served
from todo_backend.database.url import ConnectArgs

JSON = "application/json"
REQUEST_ID = "0123456789abcdef0123456789abcdef"
PROMISED: Mapping[str, str] = {
    "x-request-id": REQUEST_ID,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "content-security-policy": "default-src 'none'; base-uri 'none'; frame-ancestors 'none'",
    "cache-control": "no-store",
}
REFUSED = b'{"detail":"Task with id 1 not found","code":"NOT_FOUND"}'


@dataclass(frozen=True)
class Said:
    """An answer; `others` are headers that are added, or left out where they are None."""

    status: int = 404
    content: bytes = REFUSED
    others: Mapping[str, str | None] = field(default_factory=dict)

    def response(self) -> httpx.Response:
        length = str(len(self.content))
        headers = {"content-type": JSON, "content-length": length, **PROMISED, **self.others}
        named = [(name, value) for name, value in headers.items() if value]
        return httpx.Response(self.status, headers=named, content=self.content)


AWAY = b'{"detail":"The database is away","code":"SERVICE_UNAVAILABLE"}'
DENIED = b'{"detail":"Not signed in","code":"UNAUTHORIZED"}'
GOOD = {
    404: Said(),
    401: Said(401, DENIED, {"www-authenticate": "Bearer"}),
    405: Said(405, others={"allow": "GET"}),
    413: Said(413, others={"connection": "close"}),
    415: Said(415, others={"accept": JSON}),
    429: Said(
        429,
        others={
            "retry-after": "9",
            "ratelimit-limit": "5",
            "ratelimit-remaining": "0",
            "ratelimit-reset": "9",
        },
    ),
}


def spoilt(status: int, name: str, value: str | None) -> Said:
    good = GOOD[status]
    return replace(good, others={**good.others, name: value})


WRONG = {
    "G-01 failed": Said(500),
    "G-01 away": Said(503, AWAY, {"retry-after": "1"}),
    "G-03 no JSON": Said(content=b"Not found"),
    "G-03 a name twice": Said(content=b'{"code":"NOT_FOUND","detail":"a","detail":"b"}'),
    "G-03 NaN": Said(content=b'{"detail":NaN,"code":"NOT_FOUND"}'),
    "G-03 another form": Said(content=b'{"error":"Not found"}'),
    "G-03 another type": spoilt(404, "content-type", "text/html"),
    "G-03 another length": spoilt(404, "content-length", "1"),
    "G-04 no id": spoilt(404, "x-request-id", None),
    "G-04 an id with a blank": spoilt(404, "x-request-id", "a b"),
    "G-05 sniffed": spoilt(404, "x-content-type-options", None),
    "G-05 referred": spoilt(404, "referrer-policy", "origin"),
    "G-05 framed": spoilt(404, "content-security-policy", "default-src 'none'"),
    "G-05 kept": spoilt(404, "cache-control", "public"),
    "G-05 named": spoilt(404, "server", "uvicorn"),
    "G-05 HSTS": spoilt(404, "strict-transport-security", "max-age=1"),
    "G-06 secret": Said(content=b'{"detail":"%s","code":"NOT_FOUND"}' % SECRET.encode()),
    "G-06 place": Said(content=b'{"detail":"in app.py","code":"NOT_FOUND"}'),
    "G-06 address": Said(content=b'{"detail":"postgresql://a","code":"NOT_FOUND"}'),
    "G-07 401": spoilt(401, "www-authenticate", None),
    "G-07 405": spoilt(405, "allow", None),
    "G-07 413": spoilt(413, "connection", None),
    "G-07 415": spoilt(415, "accept", None),
    "G-07 429": spoilt(429, "retry-after", None),
    "G-07 429 too soon": spoilt(429, "retry-after", "8"),
    "G-07 201": Said(201, b"{}"),
}


@pytest.mark.parametrize("status", GOOD)
def test_good_answer_passes(status: int) -> None:
    """The control: what is spoilt below is good."""
    oracles.check(GOOD[status].response(), PLAIN)


@pytest.mark.parametrize("said", WRONG.values(), ids=WRONG)
def test_wrong_answer_is_seen(said: Said) -> None:
    """One thing is wrong with it."""
    response = said.response()

    with pytest.raises((AssertionError, KeyError, ValueError)):
        oracles.check(response, PLAIN)


@pytest.mark.parametrize("status", [500, 503])
def test_g_01_faults_of_the_test_are_told_from_failures(status: int) -> None:
    """The same answer passes where the test has made the server fail."""
    others = {"retry-after": "1"} if status == 503 else {}

    oracles.check(Said(status, AWAY, others).response(), PLAIN, has_faults=True)


@pytest.mark.parametrize(
    ("status", "content"),
    [(418, b"{}"), (200, b'{"success":true}'), (404, b'{"detail":"x"}'), (200, b"<html>")],
    ids=["status", "body", "error", "type"],
)
async def test_g_02_undocumented_answer_is_seen(
    served: Served, status: int, content: bytes
) -> None:
    """A status, a body or a media type that `/openapi.json` doesn't announce."""
    media_type = "text/html" if content.startswith(b"<") else JSON
    response = httpx.Response(status, headers={"content-type": media_type}, content=content)

    with pytest.raises((AssertionError, jsonschema_rs.ValidationError)):
        declared.check(served, "GET", "/api/ann/tasks/1", response)


async def test_g_03_errors_have_the_form_of_their_contract() -> None:
    """What is right in one of them is wrong in another."""
    with pytest.raises((AssertionError, KeyError)):
        oracles.check(Said().response(), ENVELOPE)


@pytest.mark.parametrize(
    ("answers", "lines", "problem"),
    [(1, 1, None), (2, 2, "given"), (1, 0, "0 lines"), (1, 2, "2 lines")],
)
def test_g_04_answer_without_one_line_is_seen(
    served: Served, answers: int, lines: int, problem: str | None
) -> None:
    """Each answer has an id that no other has, and the log one line with it."""
    found = Records()
    log = f'{{"event":"request","request_id":"{REQUEST_ID}"}}\n' * lines

    for _ in range(answers):
        found.note(replace(served, log=io.StringIO(log)), Said().response())

    [*complaints] = found.problems()
    assert bool(complaints) == (problem is not None)
    assert problem is None or problem in complaints[0]


async def test_g_09_what_can_not_be_is_seen(address: ConnectArgs) -> None:
    """A second good token of a session, and a transaction that nobody ends."""
    args = replace(address, server_settings={"application_name": "todo-backend"})
    async with session(address) as truth, session(args) as holder:
        assert await invariants.problems(truth) == []
        async with truth.transaction():
            await truth.execute(
                "INSERT INTO users (id) VALUES ('g-09');"
                " INSERT INTO sessions (user_id, id, expires_at) VALUES ('g-09', 'one', now());"
                " INSERT INTO refresh_tokens (hash, user_id, session_id, issued_at, expires_at)"
                " SELECT sha256(n::text::bytea), 'g-09', 'one', now(), now()"
                " FROM generate_series(1, 2) n"
            )
            await holder.execute("BEGIN; SELECT 1")
            found = await invariants.problems(truth)
            await truth.execute("DELETE FROM users WHERE id = 'g-09'")
        await holder.execute("ROLLBACK")

    assert found == ["two good tokens of a session: 1", "a connection that nobody has given back"]


async def test_g_09_pool_has_every_connection_back(user: Person, address: ConnectArgs) -> None:
    """After many requests at once, refused and not, whoever has a connection rests."""
    paths = [user.tasks, f"{user.tasks}/0", f"{user.tasks}/x", "/nowhere"] * 10
    responses = await asyncio.gather(*(user.client.get(path) for path in paths))

    assert {each.status_code for each in responses} >= {200, 404}
    async with session(address) as truth:
        assert await invariants.problems(truth) == []


async def test_g_12_connection_outlives_an_error(user: Person) -> None:
    """Whatever the errors were, the next request on the same connection is answered."""
    refused = [
        wire.request("GET", "/nowhere"),
        wire.request("GET", user.tasks),
        wire.request("PATCH", user.tasks, [user.authorization]),
        wire.request("POST", user.tasks, [user.authorization], b"{"),
    ]
    async with wire.connected(user.deployment.url) as connection:
        for octets in refused:
            assert (await connection.exchange(octets)).status_code >= 400
            again = await connection.exchange(wire.request("GET", user.tasks, [user.authorization]))
            assert again.status_code == 200
