"""What the rows say of accounts and sessions, when time has passed or somebody has touched them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import argon2
import asyncpg
import httpx
import pytest
import pytest_asyncio

from tests.contracts.accounts.given import SIGN_IN, Member, refreshed
from tests.support.server import Served, environment, serving
from todo_backend.database.embedded import EmbeddedPostgres
from todo_backend.database.url import ConnectArgs

INVALID = b'{"detail":"The refresh token is not valid"}'
WRONG = b'{"detail":"Wrong email or password"}'
ROUNDS = 60


@pytest_asyncio.fixture(scope="module", name="served")
async def _served(postgres: EmbeddedPostgres, address: ConnectArgs) -> AsyncIterator[Served]:
    """A server of these tests: the newest one of the process has the log of all of its modules."""
    del address  # migrated before the server starts
    async with serving(environment(postgres.url)) as running:
        yield running


def assert_refused(response: httpx.Response) -> None:
    assert (response.status_code, response.content) == (401, INVALID)


async def comes_true(question: Callable[[], Awaitable[bool]]) -> bool:
    """Ask again until the answer is yes, or has been no for too long."""
    for _ in range(ROUNDS):
        if await question():
            return True
        await asyncio.sleep(0.05)
    return False


async def test_au_40_used_token_after_the_grace_ends_the_family(
    client: httpx.AsyncClient, superuser: asyncpg.Connection, served: Served, ann: Member
) -> None:
    """Eleven seconds later it is no retry any more: the newest token is lost too, and logged."""
    child = (await refreshed(client, ann.refresh_token)).json()["refresh_token"]
    await superuser.execute(
        "UPDATE refresh_tokens SET spent_at = spent_at - interval '11 s' WHERE user_id = $1",
        ann.user_id,
    )
    start = len(served.log.getvalue())

    assert_refused(await refreshed(client, ann.refresh_token))

    assert_refused(await refreshed(client, child))
    assert not await ann.is_signed_in()
    warnings = [
        line
        for line in served.log.getvalue()[start:].splitlines()
        if '"level":"warning"' in line and ann.user_id in line and "authn_token_reuse" in line
    ]
    assert len(warnings) == 1


async def test_refresh_token_expires(
    client: httpx.AsyncClient, superuser: asyncpg.Connection, ann: Member
) -> None:
    """Seven days after it was issued, the user signs in again; other sessions go on."""
    other = await ann.sign_in()
    days = await superuser.fetch(
        "UPDATE refresh_tokens t SET expires_at = now() FROM sessions s"
        " WHERE s.user_id = $1 AND t.session_id = s.id"
        " AND s.id = (SELECT id FROM sessions WHERE user_id = $1 ORDER BY created_at LIMIT 1)"
        " RETURNING round(extract(epoch FROM s.expires_at - s.created_at) / 86400)",
        ann.user_id,
    )

    assert len(days) == 1
    assert_refused(await refreshed(client, ann.refresh_token))
    assert (await refreshed(client, other.refresh_token)).status_code == 200


async def test_au_52_session_has_an_end(
    client: httpx.AsyncClient, superuser: asyncpg.Connection, ann: Member
) -> None:
    """However often it is refreshed, its end stays where it was, and no token outlives it."""
    query = "SELECT expires_at FROM sessions WHERE user_id = $1"
    end = await superuser.fetchval(query, ann.user_id)
    token = ann.refresh_token
    for _ in range(3):
        token = (await refreshed(client, token)).json()["refresh_token"]
    assert await superuser.fetchval(query, ann.user_id) == end

    await superuser.execute(
        "UPDATE sessions SET expires_at = now() WHERE user_id = $1", ann.user_id
    )

    assert_refused(await refreshed(client, token))


@pytest.mark.parametrize(
    "stored",
    [
        "",
        "garbage",
        "$argon2id$v=19$m=8,t=1,p=1$AAAA",
        "$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW",
        "plain:the password",
    ],
    ids=["empty", "garbage", "cut off", "bcrypt", "plain"],
)
async def test_au_55_unreadable_hash_is_no_password(
    client: httpx.AsyncClient,
    superuser: asyncpg.Connection,
    served: Served,
    ann: Member,
    stored: str,
) -> None:
    """401 like any wrong password, and the log says that there is something to mend."""
    await superuser.execute(
        "UPDATE accounts SET password_hash = $2 WHERE user_id = $1", ann.user_id, stored
    )
    start = len(served.log.getvalue())

    response = await client.post(SIGN_IN, json={"email": ann.email, "password": ann.password})

    assert (response.status_code, response.content) == (401, WRONG)
    logged = served.log.getvalue()[start:]
    assert '"level":"error"' in logged
    assert not stored or stored not in logged


async def test_au_55_old_hash_is_renewed(superuser: asyncpg.Connection, ann: Member) -> None:
    """Who signs in with a hash of older parameters leaves with one of today's."""
    query = "SELECT password_hash FROM accounts WHERE user_id = $1"
    todays = await superuser.fetchval(query, ann.user_id)
    old = argon2.PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash(ann.password)
    await superuser.execute(
        "UPDATE accounts SET password_hash = $2 WHERE user_id = $1", ann.user_id, old
    )

    await ann.sign_in()

    renewed = await superuser.fetchval(query, ann.user_id)
    parameters = [each.split("$")[:4] for each in (todays, renewed, old)]
    assert parameters[0] == parameters[1] != parameters[2]
    await ann.sign_in()
    assert await superuser.fetchval(query, ann.user_id) == renewed


async def test_au_45_database_holds_no_refresh_token(
    client: httpx.AsyncClient, superuser: asyncpg.Connection, ann: Member
) -> None:
    """Who steals the rows can't use them: neither the tokens nor the password are there."""
    child = (await refreshed(client, ann.refresh_token)).json()
    tables = await superuser.fetch(
        "SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables"
        " WHERE schemaname = 'public'"
    )

    rows = [
        row["text"]
        for table in tables
        for row in await superuser.fetch(f"SELECT t::text AS text FROM {table['name']} t")  # noqa: S608 - names from the catalogue
    ]

    assert any(ann.email in row for row in rows)
    for secret in (ann.refresh_token, ann.password, ann.access_token, child["refresh_token"]):
        spelled_in_bytes = secret.encode().hex()
        assert not [row for row in rows if secret in row or spelled_in_bytes in row]


async def test_au_54_is_27_deleted_user_is_gone(
    client: httpx.AsyncClient, superuser: asyncpg.Connection, ann: Member
) -> None:
    """Neither token is worth anything, and nothing of theirs is left."""
    await ann.given_task()
    await superuser.execute("DELETE FROM users WHERE id = $1", ann.user_id)

    assert_refused(await refreshed(client, ann.refresh_token))

    left = await superuser.fetchval("SELECT count(*) FROM tasks WHERE user_id = $1", ann.user_id)
    assert left == 0
    body = {"email": ann.email, "password": ann.password}
    assert (await client.post(SIGN_IN, json=body)).status_code == 401

    async def is_shut_out() -> bool:
        return not await ann.is_signed_in()

    assert await comes_true(is_shut_out)
