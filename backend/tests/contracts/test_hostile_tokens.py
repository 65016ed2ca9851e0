"""Every recipe of data/jwt_hostile.json over HTTP, against a server with issuer and audience."""

import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.contracts import oracles, wire
from tests.contracts.drivers import ACCOUNTS, ENVELOPE, Refusal
from tests.contracts.people import fresh_id
from tests.support import tokens
from tests.support.server import SECRET, Served, environment, serving
from tests.support.users import caller
from todo_backend.database.embedded import EmbeddedPostgres
from todo_backend.database.url import ConnectArgs

ROWS = tokens.rows()
ACCOUNTS_URL = ACCOUNTS.tasks_path("")
NO_TOKEN_SENT = "AUTH_MISSING_HEADER"


@pytest_asyncio.fixture(scope="module")
async def guarded(postgres: EmbeddedPostgres, address: ConnectArgs) -> AsyncIterator[Served]:
    """A deployment that knows who issues its tokens and whom they are for."""
    del address  # migrated before the server starts
    env = environment(postgres.url, JWT_ISSUER=tokens.ISSUER, JWT_AUDIENCE=tokens.ISSUER)
    async with serving(env) as served:
        yield served


def challenge(row: tokens.Row) -> str | None:
    """Say what RFC 6750, section 3, wants in WWW-Authenticate."""
    if row["expect"] != 401:
        return None
    return "Bearer" if row["code"] == NO_TOKEN_SENT else 'Bearer error="invalid_token"'


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["id"])
async def test_token_is_answered_as_it_deserves(guarded: Served, row: tokens.Row) -> None:
    """Status, code and challenge in both families, and no token in the log or the answer."""
    alice, bob = fresh_id("alice"), fresh_id("bob")
    sent = tokens.build(row, secret=SECRET, alice=alice, bob=bob, now=int(time.time()))
    target = f"{ENVELOPE.tasks_path(alice)}?{sent.query}".rstrip("?")
    written = guarded.log.tell()

    async with wire.connected(guarded.url) as connection:
        response = await connection.exchange(wire.request("GET", target, sent.headers))
        at_accounts = await connection.exchange(wire.request("GET", ACCOUNTS_URL, sent.headers))
        again = await connection.exchange(wire.request("GET", "/livez"))

    oracles.check(response, ENVELOPE)
    assert response.status_code == row["expect"]
    assert response.headers.get("www-authenticate") == challenge(row)
    assert again.status_code == 200
    if row["expect"] == 401:
        oracles.refused(response, ENVELOPE, Refusal(401, tokens.expected_code(row)))
    elif row["expect"] == 403:
        oracles.refused(response, ENVELOPE, Refusal(403, "AUTH_USER_MISMATCH"))
    elif row["expect"] == 431:
        oracles.refused(response, ENVELOPE, ENVELOPE.refusals.headers_too_large)
    oracles.check(at_accounts, ACCOUNTS)
    # No path names a user there, so the token's own user is the right one.
    assert at_accounts.status_code == (200 if row["expect"] == 403 else row["expect"])
    log = guarded.log.getvalue()[written:]
    assert response.headers["x-request-id"] in log
    for part in filter(None, sent.token.split(".")):
        assert len(part) < 8 or part not in log + response.text + at_accounts.text


async def test_refused_token_opens_no_other_door(guarded: Served) -> None:
    """A write with a bad token leaves nothing behind, by whatever method."""
    alice = fresh_id("alice")
    forged = tokens.build(
        {"mangle": ["zerosig"]}, secret=SECRET, alice=alice, bob="bob", now=int(time.time())
    )
    headers = [*forged.headers, (b"content-type", b"application/json")]
    path = ENVELOPE.tasks_path(alice)

    async with caller(guarded.url, alice) as owner:
        task = await owner.given_task()
        calls = [
            ("POST", path, b'{"title":"forged"}'),
            ("PUT", f"{path}/{task['id']}", b'{"title":"forged"}'),
            ("PATCH", f"{path}/{task['id']}/complete", None),
            ("DELETE", f"{path}/{task['id']}", None),
        ]
        async with wire.connected(guarded.url) as connection:
            for method, target, body in calls:
                response = await connection.exchange(wire.request(method, target, headers, body))
                assert response.status_code == 401
        [listed] = (await owner.client.get(path)).json()["data"]["tasks"]

    assert listed.items() <= task.items()


def test_every_row_has_a_test() -> None:
    """The recipes are all there, each once."""
    ids = [row["id"] for row in ROWS]

    assert len(ids) == len(set(ids))
    assert {row["expect"] for row in ROWS} == {200, 401, 403, 431}
