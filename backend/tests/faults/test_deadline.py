"""A request that asks the database more than once is answered in time all the same."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from secrets import token_hex

import asyncpg
import httpx
import pytest
import pytest_asyncio

from tests.support.accounts import PASSWORD
from tests.support.client import client_for
from tests.support.command import environment, started
from tests.support.pace import PACE
from todo_backend.database.embedded import EmbeddedPostgres
from todo_backend.database.url import ConnectArgs

pytestmark = pytest.mark.slow

# Longer than a process remembers that it found a session alive.
FORGOTTEN_SECONDS = 0.6
TIMEOUT_SECONDS = 3.0
# A tenth of it is kept for the way of the answer.
EARLY_SECONDS = 0.8 * TIMEOUT_SECONDS
# Less than that; with all of it again for the tasks, the answer would be late by as much. Functions
# themselves don't wait for a lock any longer than three seconds.
FIRST_WAIT_SECONDS = 2.0
# For one request of one client.
MARGIN_SECONDS = 0.4


@pytest_asyncio.fixture
async def visitor(
    postgres: EmbeddedPostgres, address: ConnectArgs, tmp_path: Path
) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody with an account here, whose token names a session."""
    del address  # migrated
    env = environment(
        tmp_path / "data",
        DATABASE_URL=postgres.url,
        DATABASE_TIMEOUT=str(TIMEOUT_SECONDS),
        API_CONTRACTS="accounts",
    )
    # A process of its own: its loop may be late without ours being so.
    with started("serve", env=env) as process:
        async with client_for(process.url) as client:
            yield await signed_up(client)


async def signed_up(client: httpx.AsyncClient) -> httpx.AsyncClient:
    body = {"email": f"{token_hex(6)}@example.test", "password": PASSWORD, "name": "Ann"}
    tokens = (await client.post("/api/auth/signup", json=body)).json()
    client.headers["authorization"] = f"Bearer {tokens['access_token']}"
    return client


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
            asking = asyncio.create_task(answer_with_its_time(visitor))
            await asyncio.sleep(FIRST_WAIT_SECONDS)
            await other.execute("COMMIT")
            answer, ended = await asking
    finally:
        await other.close()

    assert answer.status_code == 503
    assert ended - began >= EARLY_SECONDS
    assert PACE.excess(began, ended, promised=TIMEOUT_SECONDS) <= MARGIN_SECONDS
    assert (await visitor.get("/api/tasks")).status_code == 200


async def answer_with_its_time(visitor: httpx.AsyncClient) -> tuple[httpx.Response, float]:
    return await visitor.get("/api/tasks"), time.monotonic()
