"""The database away: 503 in the contract's form, and the process recovers by itself."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import datetime
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest_asyncio

from tests.contracts import oracles
from tests.contracts.drivers import DRIVERS, Driver
from tests.contracts.people import Deployment, Person, fresh_id, signed_in, visiting
from tests.support.server import ORIGIN, environment, serving
from todo_backend.database.embedded import EmbeddedPostgres
from todo_backend.database.url import ConnectArgs

NOWHERE = "postgresql://u:a-password-canary@127.0.0.1:1/x"
MARK = "marked-by-a-test"
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z")
_PAUSE_SECONDS = 0.05
_PAUSES = 400


@pytest_asyncio.fixture(scope="module")
async def cut_off(driver: Driver) -> AsyncIterator[Deployment]:
    """A server whose database was never there."""
    env = environment(NOWHERE, DATABASE_TIMEOUT="1", API_CONTRACTS=driver.name)
    async with serving(env) as served:
        yield Deployment(driver, served, has_faults=True)


@pytest_asyncio.fixture
async def waiting(cut_off: Deployment) -> AsyncIterator[Person]:
    async with signed_in(cut_off, "waiting") as person:
        yield person


async def every_call(user: Person) -> list[httpx.Response]:
    """Make each good call of a contract, from the front end's origin."""
    task = {"id": 1}
    calls = [
        ("GET", user.tasks, None),
        ("POST", user.tasks, {"title": "Buy milk"}),
        ("GET", user.path(task), None),
        ("PUT", user.path(task), {"title": "Buy oat milk"}),
        ("PATCH", user.completion(task), {"completed": True}),
        ("PATCH", user.completion(task), None),
        ("DELETE", user.path(task), None),
    ]
    headers = {"origin": ORIGIN}
    return [
        await user.client.request(method, path, json=body, headers=headers)
        for method, path, body in calls
    ]


async def test_every_call_says_that_the_database_is_away(
    waiting: Person, cut_off: Deployment
) -> None:
    """503 with a time to come back, readable to the front end, and not a word about the address."""
    for response in await every_call(waiting):
        waiting.refused(response, waiting.driver.refusals.database_away)
        assert int(response.headers["retry-after"]) >= 1
        oracles.assert_readable(response, ORIGIN)
        assert "127.0.0.1" not in response.text

    assert "a-password-canary" not in cut_off.served.log.getvalue()


async def test_health_says_it_and_liveness_does_not(cut_off: Deployment) -> None:
    """A load balancer takes the server out; nobody restarts it for that."""
    async with visiting(cut_off, None) as client:
        health, liveness = await client.get("/health"), await client.get("/livez")

    body = health.json()
    assert health.status_code == 503
    assert body.keys() == {"status", "database", "timestamp"}
    assert (body["status"], body["database"]) == ("unhealthy", "disconnected")
    assert MOMENT.fullmatch(body["timestamp"])
    assert datetime.fromisoformat(body["timestamp"])
    assert liveness.status_code == 200


async def test_health_says_when_it_is_there(nobody: httpx.AsyncClient) -> None:
    """200 and the same form."""
    response = await nobody.get("/health")

    body = response.json()
    assert response.status_code == 200
    assert body.keys() == {"status", "database", "timestamp"}
    assert (body["status"], body["database"]) == ("healthy", "connected")
    assert MOMENT.fullmatch(body["timestamp"])


async def test_refusals_need_no_database(waiting: Person, cut_off: Deployment) -> None:
    """What is wrong with a request is found out before a connection is asked for."""
    refusals = waiting.driver.refusals
    json = {"content-type": "application/json"}
    calls = [
        ("GET", f"{waiting.tasks}?{'a' * 9000}", {}, None, refusals.target_too_long),
        ("POST", waiting.tasks, json, b" " * 65_537, refusals.too_large),
        ("GET", "/nowhere", {}, None, refusals.no_route),
        ("DELETE", waiting.tasks, {}, None, refusals.no_method),
        ("GET", waiting.tasks, {"authorization": "Bearer a.b.c"}, None, refusals.bad_token),
        ("POST", waiting.tasks, {}, b"{}", refusals.media_type),
        ("POST", waiting.tasks, json, b"{", refusals.malformed),
        ("POST", waiting.tasks, json, b"{}", refusals.required),
        ("GET", f"{waiting.tasks}/x", {}, None, refusals.wrong_format),
        ("GET", f"{waiting.tasks}/{2**63}", {}, None, refusals.no_task),
    ]
    if refusals.wrong_user is not None:
        stranger = waiting.driver.tasks_path("stranger")
        calls.append(("GET", stranger, {}, None, refusals.wrong_user))

    for method, path, headers, content, expected in calls:
        response = await waiting.client.request(method, path, headers=headers, content=content)
        waiting.refused(response, expected)
    async with visiting(cut_off, None) as client:
        for path in ("/", "/docs", "/redoc", "/openapi.json"):
            assert (await client.get(path)).status_code == 200
        assert (await client.options(waiting.tasks)).status_code == 204
        response = await client.get(waiting.tasks)
        oracles.refused(response, waiting.driver, refusals.no_token)


async def test_servers_that_started_first_recover(tmp_path: Path) -> None:
    """A database that comes later, and empty, is found, migrated and used without a restart.

    One server for each contract, so that they also find it together.
    """
    url = address_of(tmp_path)
    async with AsyncExitStack() as stack:
        users = [await early_user(stack, driver, url) for driver in DRIVERS]
        for user in users:
            user.refused(await user.client.get(user.tasks), user.driver.refusals.database_away)

        with EmbeddedPostgres.start(tmp_path, options={"fsync": "off"}):
            await asyncio.gather(*map(until_served, users))
            tasks = [await user.given_task() for user in users]

        for user in users:
            for response in await every_call(user):
                user.refused(response, user.driver.refusals.database_away)

        with EmbeddedPostgres.start(tmp_path, options={"fsync": "off"}):
            # The very first request after the database is back: no connection of before is in
            # its way, and what was acknowledged is still there.
            for user, task in zip(users, tasks, strict=True):
                assert await user.read(task) == task
                assert (await user.client.get("/health")).status_code == 200


async def early_user(stack: AsyncExitStack, driver: Driver, url: str) -> Person:
    env = environment(url, DATABASE_TIMEOUT="1", API_CONTRACTS=driver.name)
    served = await stack.enter_async_context(serving(env))
    early = signed_in(Deployment(driver, served, has_faults=True), f"early-{driver.name}")
    return await stack.enter_async_context(early)


async def until_served(user: Person) -> None:
    for _ in range(_PAUSES):
        if (await user.client.get(user.tasks)).status_code == 200:
            return
        await asyncio.sleep(_PAUSE_SECONDS)
    raise AssertionError


def address_of(folder: Path) -> str:
    """Return the address that the data folder's server has whenever it runs."""
    with EmbeddedPostgres.start(folder, options={"fsync": "off"}) as server:
        return server.url


@pytest_asyncio.fixture
async def marked(
    driver: Driver, postgres: EmbeddedPostgres, address: ConnectArgs
) -> AsyncIterator[Person]:
    """A user of a server that is quick to give up, and whose connections bear a name."""
    del address  # migrated before the server starts
    sign = "&" if "?" in postgres.url else "?"
    url = f"{postgres.url}{sign}application_name={MARK}"
    env = environment(url, DATABASE_TIMEOUT="0.5", API_CONTRACTS=driver.name)
    async with (
        serving(env) as served,
        signed_in(Deployment(driver, served, has_faults=True), fresh_id("marked")) as person,
    ):
        yield person


async def test_ended_connection_costs_a_retry_at_most(
    marked: Person, superuser: asyncpg.Connection
) -> None:
    """When a server ends its connections, reads go on; a write happens once, or 503 and never."""
    titles: list[str] = []
    for number in range(10):
        await superuser.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1",
            MARK,
        )
        if number % 2:
            assert [task["title"] for task in await marked.listed()] == titles
            continue
        response = await marked.client.post(marked.tasks, json={"title": f"title {number}"})
        if response.status_code == 201:
            titles.insert(0, f"title {number}")
        else:
            marked.refused(response, marked.driver.refusals.database_away)

    assert [task["title"] for task in await marked.listed()] == titles


async def test_slow_database_is_an_absent_one(
    marked: Person, superuser: asyncpg.Connection
) -> None:
    """A row that somebody else holds on to ends in 503, and what waited for it is called off."""
    changed, completed, deleted = [await marked.given_task() for _ in range(3)]
    calls: list[tuple[str, str, Any]] = [
        ("PUT", marked.path(changed), {"title": "Buy oat milk"}),
        ("PATCH", marked.completion(completed), None),
        ("DELETE", marked.path(deleted), None),
    ]

    async with superuser.transaction():
        await superuser.execute("SELECT FROM tasks WHERE user_id = $1 FOR UPDATE", marked.user_id)
        answers = await asyncio.gather(
            *(marked.client.request(method, path, json=body) for method, path, body in calls)
        )
        await until_nothing_waits(superuser)

    for answer in answers:
        marked.refused(answer, marked.driver.refusals.database_away)
    for task in (changed, completed, deleted):
        assert await marked.read(task) == task
    for method, path, body in calls:
        assert (await marked.client.request(method, path, json=body)).status_code < 300


async def until_nothing_waits(superuser: asyncpg.Connection) -> None:
    for _ in range(_PAUSES):
        await superuser.execute("SELECT pg_stat_clear_snapshot()")
        if not await superuser.fetchval(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE application_name = $1 AND wait_event_type = 'Lock'",
            MARK,
        ):
            return
        await asyncio.sleep(_PAUSE_SECONDS)
    raise AssertionError
