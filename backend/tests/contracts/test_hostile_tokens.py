"""Every recipe of data/jwt_hostile.json over HTTP, against servers with issuer and audience.

One of them has the shared secret alone, the other one trusts the keys of an issuer beside it.
"""

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import pytest
import pytest_asyncio

from tests.contracts import declared, oracles, wire
from tests.contracts.drivers import ACCOUNTS, ENVELOPE, Refusal
from tests.contracts.people import fresh_id
from tests.support import tokens
from tests.support.jwks_server import KeyService, key_service
from tests.support.server import SECRET, Served, environment, serving
from tests.support.signing_keys import signing_key
from tests.support.users import caller
from todo_backend.database.embedded import EmbeddedPostgres
from todo_backend.database.url import ConnectArgs

ROWS = tokens.rows()
ACCOUNTS_URL = ACCOUNTS.tasks_path("")
NO_TOKEN_SENT = "AUTH_MISSING_HEADER"
GOOD_KEY = signing_key("EdDSA", "good")
FORGED = {"mangle": ["zerosig"]}


@dataclass(frozen=True, slots=True)
class Guarded:
    """A deployment that knows who issues its tokens and whom they are for.

    Without a key service it has the shared secret alone.
    """

    served: Served
    keys: KeyService | None = None

    @property
    def url(self) -> str:
        return self.served.url


@pytest_asyncio.fixture(scope="module", params=["secret", "keys"])
async def guarded(
    request: pytest.FixtureRequest, postgres: EmbeddedPostgres, address: ConnectArgs
) -> AsyncIterator[Guarded]:
    """Each kind of deployment in turn."""
    del address  # migrated before the server starts
    env = environment(postgres.url, JWT_ISSUER=tokens.ISSUER, JWT_AUDIENCE=tokens.ISSUER)
    async with key_service(*tokens.published(), GOOD_KEY.published) as service:
        if request.param == "secret":
            async with serving(env) as served:
                yield Guarded(served)
        else:
            async with serving({**env, "JWKS_URL": service.url}) as served:
                yield Guarded(served, service)


def challenge(row: tokens.Row) -> str | None:
    """Say what RFC 6750, section 3, wants in WWW-Authenticate."""
    if row["expect"] != 401:
        return None
    return "Bearer" if row["code"] == NO_TOKEN_SENT else 'Bearer error="invalid_token"'


async def answer_of(guarded: Guarded, octets: bytes) -> tuple[httpx.Response, bool]:
    """Return the answer, and whether the connection goes on: after it the next one comes."""
    async with wire.connected(guarded.url) as connection:
        response = await connection.exchange(octets)
        if connection.is_open:
            again = await connection.exchange(wire.request("GET", "/livez"))
            assert again.status_code == 200
            return response, True
        assert response.headers["connection"] == "close"
        assert response.status_code == 431
        assert await connection.is_closed_by_server()
        return response, False


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["id"])
async def test_token_is_answered_as_it_deserves(guarded: Guarded, row: tokens.Row) -> None:
    """Status, code and challenge in both families, and no token in the log or the answer."""
    alice, bob = fresh_id("alice"), fresh_id("bob")
    sent = tokens.build(row, secret=SECRET, alice=alice, bob=bob, now=int(time.time()))
    target = f"{ENVELOPE.tasks_path(alice)}?{sent.query}".rstrip("?")
    written = guarded.served.log.tell()

    response, is_read = await answer_of(guarded, wire.request("GET", target, sent.headers))
    octets = wire.request("GET", ACCOUNTS_URL, sent.headers)
    at_accounts, is_read_there = await answer_of(guarded, octets)

    oracles.check(response, ENVELOPE)
    declared.check(guarded.served, "GET", target, response)
    assert response.status_code == row["expect"]
    assert response.headers.get("www-authenticate") == challenge(row)
    assert is_read == is_read_there
    if row["expect"] == 401:
        code = tokens.expected_code(row, has_keys=guarded.keys is not None)
        oracles.refused(response, ENVELOPE, Refusal(401, code))
    elif row["expect"] == 403:
        oracles.refused(response, ENVELOPE, Refusal(403, "AUTH_USER_MISMATCH"))
    elif row["expect"] == 431:
        oracles.refused(response, ENVELOPE, ENVELOPE.refusals.headers_too_large)
    # Of what nobody has read, the contract that is listed first tells.
    oracles.check(at_accounts, ACCOUNTS if is_read else ENVELOPE)
    if is_read:
        declared.check(guarded.served, "GET", ACCOUNTS_URL, at_accounts)
    # No path names a user there, so the token's own user is the right one.
    assert at_accounts.status_code == (200 if row["expect"] == 403 else row["expect"])
    log = guarded.served.log.getvalue()[written:]
    assert response.headers["x-request-id"] in log
    for part in filter(None, sent.token.split(".")):
        assert len(part) < 8 or part not in log + response.text + at_accounts.text


async def test_the_keys_are_in_force(guarded: Guarded) -> None:
    """A token of theirs is good where they are trusted, so what is refused there meets them."""
    alice, now = fresh_id("alice"), int(time.time())
    claims = {"sub": alice, "exp": now + 900, "iss": tokens.ISSUER, "aud": tokens.ISSUER}

    async with caller(guarded.url, alice) as owner:
        owner.client.headers["authorization"] = f"Bearer {GOOD_KEY.token(claims)}"
        response = await owner.client.get(owner.tasks)

    assert response.status_code == (401 if guarded.keys is None else 200)


async def test_refused_token_opens_no_other_door(guarded: Guarded) -> None:
    """A write with a bad token leaves nothing behind, by whatever method."""
    alice = fresh_id("alice")
    forged = tokens.build(FORGED, secret=SECRET, alice=alice, bob="bob", now=int(time.time()))
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
