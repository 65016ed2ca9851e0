"""A request that asks the database more than once is answered in time all the same."""

import asyncio
import time
from collections.abc import AsyncIterator
from secrets import token_hex

import asyncpg
import httpx
import pytest
import pytest_asyncio

from tests.faults.conftest import TIMEOUT_SECONDS
from tests.support.accounts import PASSWORD
from tests.support.client import client_for
from tests.support.server import environment, serving
from todo_backend.database.embedded import EmbeddedPostgres
from todo_backend.database.url import ConnectArgs

pytestmark = pytest.mark.slow

# Longer than a process remembers that it found a session alive.
FORGOTTEN_SECONDS = 0.6
# Most of what the request has; with as much again for the tasks, it would be late.
FIRST_WAIT_SECONDS = 1.3
LATE_SECONDS = TIMEOUT_SECONDS + 0.9


@pytest_asyncio.fixture
async def visitor(
    postgres: EmbeddedPostgres, address: ConnectArgs
) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody with an account here, whose token names a session."""
    del address  # migrated
    env = environment(postgres.url, DATABASE_TIMEOUT=str(TIMEOUT_SECONDS), API_CONTRACTS="accounts")
    async with (
        serving(env) as served,
        client_for(served.url) as client,
    ):
        body = {"email": f"{token_hex(6)}@example.test", "password": PASSWORD, "name": "Ann"}
        tokens = (await client.post("/api/auth/signup", json=body)).json()
        client.headers["authorization"] = f"Bearer {tokens['access_token']}"
        yield client


async def test_two_waits_are_one_deadline(
    visitor: httpx.AsyncClient, superuser: asyncpg.Connection, address: ConnectArgs
) -> None:
    """Held up over its session and then over its tasks, it is refused when its time is over."""
    assert (await visitor.get("/api/tasks")).status_code == 200
    other = await asyncpg.connect(**address.kwargs())
    await asyncio.sleep(FORGOTTEN_SECONDS)
    try:
        async with superuser.transaction():
            await superuser.execute("LOCK TABLE tasks")
            await other.execute("BEGIN; LOCK TABLE sessions")
            began = time.monotonic()
            asking = asyncio.create_task(visitor.get("/api/tasks"))
            await asyncio.sleep(FIRST_WAIT_SECONDS)
            await other.execute("COMMIT")
            answer = await asking
            seconds = time.monotonic() - began
    finally:
        await other.close()

    assert answer.status_code == 503
    assert FIRST_WAIT_SECONDS <= seconds <= LATE_SECONDS
    assert (await visitor.get("/api/tasks")).status_code == 200
