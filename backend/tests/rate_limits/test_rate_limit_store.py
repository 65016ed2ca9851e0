"""What a deployment does with its limits while the shared store is there, and while it isn't."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import httpx
import pytest
import pytest_asyncio

from tests.contracts.accounts.given import SIGN_IN, Member, fresh_email, given_member
from tests.rate_limits.limiting import PATIENCE_SECONDS, until, way_to
from tests.support.client import client_for
from tests.support.redis_server import RedisServer
from tests.support.server import Served, environment, serving
from todo_backend.database.embedded import EmbeddedPostgres
from todo_backend.database.url import ConnectArgs

PER_ACCOUNT = 5
APPLICATIONS = 4
SLOW_SECONDS = 0.1
WATCHED_SECONDS = 6
STORE = "rate limit store"


@asynccontextmanager
async def storing(postgres: EmbeddedPostgres, url: str) -> AsyncIterator[Served]:
    limits = {
        "API_CONTRACTS": "accounts",
        "RATE_LIMIT_ENABLED": "true",
        "RATE_LIMIT_AUTH": "1000/minute",
        "RATE_LIMIT_ACCOUNT": f"{PER_ACCOUNT}/15 minutes",
        "RATE_LIMIT_STORAGE": url,
    }
    async with serving(environment(postgres.url, **limits)) as served:
        yield served


@asynccontextmanager
async def asking(served: Served) -> AsyncIterator[httpx.AsyncClient]:
    async with client_for(served.url) as client:
        yield client


@pytest_asyncio.fixture
async def served(
    postgres: EmbeddedPostgres, address: ConnectArgs, redis: RedisServer
) -> AsyncIterator[Served]:
    """A deployment whose counters are in Redis."""
    del address  # migrated before the server starts
    async with storing(postgres, redis.url) as running:
        yield running


@pytest_asyncio.fixture
async def member(served: Served) -> AsyncIterator[Member]:
    """Somebody with an account there."""
    async with asking(served) as client:
        yield await given_member(client)


async def guesses(client: httpx.AsyncClient, email: str, times: int) -> list[int]:
    body = {"email": email, "password": "wrong horse"}
    return [(await client.post(SIGN_IN, json=body)).status_code for _ in range(times)]


async def health(client: httpx.AsyncClient) -> tuple[int, list[str]]:
    response = await client.get("/health")
    return response.status_code, response.json().get("degraded", [])


async def until_healthy(client: httpx.AsyncClient) -> None:
    await until_lacking([], client)


async def until_lacking(lacks: list[str], client: httpx.AsyncClient) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while await health(client) != (200, lacks):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)


def said(served: Served, sentence: str) -> int:
    return served.log.getvalue().count(sentence)


async def test_au_29_guesses_at_once_over_several_applications_are_counted_as_one(
    postgres: EmbeddedPostgres, address: ConnectArgs, redis: RedisServer
) -> None:
    """No more of them reach the hash than if they came one after another."""
    del address
    async with AsyncExitStack() as stack:
        clients = []
        for _ in range(APPLICATIONS):
            served = await stack.enter_async_context(storing(postgres, redis.url))
            clients.append(await stack.enter_async_context(asking(served)))
        member = await given_member(clients[0])

        found = await asyncio.gather(
            *(guesses(clients[at % APPLICATIONS], member.email, 1) for at in range(100))
        )

        statuses = [status for (status,) in found]
        assert (statuses.count(401), statuses.count(429)) == (PER_ACCOUNT, 100 - PER_ACCOUNT)


async def test_au_38_fa_48_store_that_dies_leaves_the_limits_standing(
    served: Served, member: Member, redis: RedisServer
) -> None:
    """Each process counts for itself; whoever looks after it is told, once."""
    assert await health(member.client) == (200, [])

    redis.kill()
    statuses = await guesses(member.client, fresh_email(), PER_ACCOUNT + 2)

    assert statuses == [401] * PER_ACCOUNT + [429] * 2
    assert (await member.call("GET")).status_code == 200
    await until_lacking([STORE], member.client)
    await until(lambda: said(served, "store is away") == 1)
    assert redis.password not in served.log.getvalue()


async def test_au_38_store_that_comes_back_counts_again(
    served: Served, member: Member, redis: RedisServer
) -> None:
    """It is asked in the background, so no request waits for that."""
    redis.kill()
    await guesses(member.client, fresh_email(), 1)
    await until_lacking([STORE], member.client)

    redis.start()
    await until_healthy(member.client)

    async with asking(served) as other:
        statuses = await guesses(other, fresh_email(), PER_ACCOUNT + 1)
    assert statuses == [401] * PER_ACCOUNT + [429]
    await until(lambda: said(served, "store is back") == 1)
    assert said(served, "store is away") == 1


async def test_fa_48_store_that_answers_nothing_fails_nobody(
    served: Served, member: Member, redis: RedisServer
) -> None:
    """Frozen for as long as it likes: what can't wait goes on, and guesses come to an end."""
    redis.freeze()
    try:
        answers = [await member.call("GET") for _ in range(50)]
        statuses = await guesses(member.client, fresh_email(), PER_ACCOUNT + 2)

        assert {each.status_code for each in answers} == {200}
        assert statuses == [401] * PER_ACCOUNT + [429] * 2
        await until_lacking([STORE], member.client)
    finally:
        redis.thaw()
    await until_healthy(member.client)
    await until(lambda: said(served, "store is back") == 1)
    assert said(served, "store is away") == 1


async def test_fa_48_store_that_is_away_at_the_start_is_no_obstacle(
    postgres: EmbeddedPostgres, address: ConnectArgs, absent_redis: RedisServer
) -> None:
    """The server starts, counts by itself, and goes over to the store when that is there."""
    del address
    async with storing(postgres, absent_redis.url) as served, asking(served) as client:
        assert await health(client) == (200, [STORE])
        assert await guesses(client, fresh_email(), PER_ACCOUNT + 1) == [401] * PER_ACCOUNT + [429]

        absent_redis.start()

        await until_healthy(client)


async def test_fa_48_idle_server_notices_too(
    served: Served, redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever asks for its health makes it look, though nobody else asks for anything."""
    monkeypatch.setattr("todo_backend.core.rate_limits.watch.IDLE_SECONDS", 0)
    redis.kill()

    async with asking(served) as client:
        await until_lacking([STORE], client)


async def test_store_that_refuses_to_write_counts_as_away(
    served: Served, member: Member, redis: RedisServer
) -> None:
    """A full one, or one that has become a replica, answers; but it doesn't count."""
    redis.command("config", "set", "min-replicas-to-write", "1")

    statuses = await guesses(member.client, fresh_email(), PER_ACCOUNT + 1)

    assert statuses == [401] * PER_ACCOUNT + [429]
    await until_lacking([STORE], member.client)
    redis.command("config", "set", "min-replicas-to-write", "0")
    await until_healthy(member.client)
    assert said(served, "unexpected") == 0


@pytest.mark.slow
async def test_fa_48_slow_store_is_told_of_once_when_it_goes_and_once_when_it_is_back(
    postgres: EmbeddedPostgres, address: ConnectArgs, redis: RedisServer
) -> None:
    """It answers a probe as late as it answers a request, so it doesn't come and go."""
    del address
    async with way_to(redis) as way, storing(postgres, way.url) as served, asking(served) as client:
        member = await given_member(client)
        way.delay_seconds = SLOW_SECONDS
        ends_at = time.monotonic() + WATCHED_SECONDS
        found = set()
        while time.monotonic() < ends_at:
            found.add((await member.call("GET")).status_code)
            await asyncio.sleep(0.05)

        assert found == {200}
        assert await health(client) == (200, [STORE])
        assert (said(served, f"{STORE} is"), said(served, "store is slow")) == (1, 1)

        way.delay_seconds = 0
        await until_healthy(client)
        await until(lambda: said(served, "store is back") == 1)
        assert said(served, f"{STORE} is") == 2
