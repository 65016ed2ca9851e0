"""A limit that two processes share, while everybody is busy: as in production, nothing replaced."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from tests.contracts.accounts.given import SIGN_IN, fresh_email
from tests.support.client import client_for
from tests.support.command import PATIENCE_SECONDS, Process, environment, started
from tests.support.redis_server import RedisServer
from todo_backend.database.embedded import EmbeddedPostgres
from todo_backend.database.url import ConnectArgs

PER_ACCOUNT = 5
BUSY_PROCESSES = 4
ACCOUNTS = 2
GUESSES = 50
AWAY = "the rate limit store is"

pytestmark = pytest.mark.slow


@pytest_asyncio.fixture
async def workers(
    postgres: EmbeddedPostgres, address: ConnectArgs, redis: RedisServer, tmp_path: Path
) -> AsyncIterator[Process]:
    """The real command with two workers, whose only limit that matters is the one per account."""
    del address  # migrated before the server starts
    env = environment(
        tmp_path / "data",
        DATABASE_URL=postgres.url,
        API_CONTRACTS="accounts",
        ENVIRONMENT="test",
        WORKERS="2",
        RATE_LIMIT_ENABLED="true",
        RATE_LIMIT_AUTH="100000/minute",
        RATE_LIMIT_ACCOUNT=f"{PER_ACCOUNT}/15 minutes",
        RATE_LIMIT_STORAGE=redis.url,
    )
    with started("serve", env=env) as process:
        assert process.url
        yield process


@contextmanager
def busy_machine() -> Iterator[None]:
    """Let there be more to do than there are cores for."""
    command = [sys.executable, "-c", "while True: pass"]
    spinning = [subprocess.Popen(command) for _ in range(BUSY_PROCESSES)]  # noqa: S603 - as it stands
    try:
        yield
    finally:
        for each in spinning:
            each.kill()
        for each in spinning:
            each.wait()


async def guess(client: httpx.AsyncClient, email: str) -> int:
    body = {"email": email, "password": "wrong horse"}
    return (await client.post(SIGN_IN, json=body)).status_code


@pytest.mark.parametrize("connections", [8, 50])
async def test_au_29_guesses_at_once_on_a_busy_machine_are_counted_as_one_by_two_workers(
    workers: Process, connections: int
) -> None:
    """A process that had no time is no store that is away: no more of them reach the hash."""
    limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
    async with client_for(workers.url, limits=limits, timeout=PATIENCE_SECONDS) as client:
        with busy_machine():
            for _ in range(ACCOUNTS):
                email = fresh_email()
                statuses = await asyncio.gather(*(guess(client, email) for _ in range(GUESSES)))

                assert statuses.count(401) == PER_ACCOUNT, workers.said
                assert statuses.count(429) == GUESSES - PER_ACCOUNT

    assert AWAY not in workers.said
