"""More clients than a server can serve, clients that go away, and limits of the machine."""

import asyncio
import socket
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from pathlib import Path
from secrets import token_hex
from urllib.parse import urlsplit

import httpx
import pytest

from tests.contracts import wire
from tests.database.databases import until, url_of
from tests.faults.conftest import TIMEOUT_SECONDS, named, settings
from tests.faults.oracles import MARGIN_SECONDS, assert_counters_agree
from tests.faults.stage import Stage
from tests.faults.writers import PATIENCE_SECONDS
from tests.support.client import client_for
from tests.support.command import COMMAND, Process, started
from tests.support.pace import PACE
from tests.support.users import token_for

pytestmark = pytest.mark.slow

POOL_SIZE = 2
CROWD = 200
LEAVING = 1000
AT_ONCE = 100
DESCRIPTORS = 256
# Nobody is refused there because the machine is busy.
LONG_SECONDS = 20
NAME = "small-backend"
JSON = ("content-type", "application/json")


def small(stage: Stage, folder: Path) -> dict[str, str]:
    """Return the settings of one process with two connections, which bear a name."""
    url = named(url_of(stage.serving), NAME)
    return settings(folder / "data", url, WORKERS="1", DB_POOL_SIZE=str(POOL_SIZE))


@pytest.fixture(scope="module")
def server(stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    with started("serve", env=small(stage, tmp_path_factory.mktemp("small"))) as process:
        yield process


@asynccontextmanager
async def visiting(url: str) -> AsyncIterator[tuple[httpx.AsyncClient, str]]:
    """Sign somebody new in; a client with as many connections as it wants, and their tasks."""
    user_id = f"visitor-{token_hex(4)}"
    async with client_for(
        url,
        headers={"authorization": f"Bearer {token_for(user_id)}"},
        timeout=PATIENCE_SECONDS,
        limits=httpx.Limits(max_connections=None),
    ) as client:
        yield client, f"/api/{user_id}/tasks"


async def test_fa_09_a_crowd_is_sent_away_in_time(server: Process, stage: Stage) -> None:
    """Two hundred wait for two connections that don't come free: each is told so, none is lost."""
    async with visiting(server.url) as (client, tasks), AsyncExitStack() as stack:
        body = {"title": "Buy milk"}
        assert (await client.post(tasks, json=body)).status_code == 201
        headers = [JSON, ("authorization", client.headers["authorization"])]
        octets = wire.request("POST", tasks, headers, b'{"title": "Buy bread"}')
        crowd = [await stack.enter_async_context(wire.connected(server.url)) for _ in range(CROWD)]
        async with stage.session() as session, session.transaction():
            await session.execute("LOCK TABLE tasks")
            began = time.monotonic()
            answers = await asyncio.gather(*(each.exchange(octets) for each in crowd))
            ended = time.monotonic()
        after = await client.post(tasks, json=body)
        total = (await client.get(tasks)).json()["data"]["total"]

    assert Counter(answer.status_code for answer in answers) == {503: CROWD}
    assert all(answer.headers["retry-after"].isdigit() for answer in answers)
    assert PACE.excess(began, ended, promised=TIMEOUT_SECONDS) <= MARGIN_SECONDS
    assert after.status_code == 201
    assert total == 2
    await stage.rests(most=POOL_SIZE, name=NAME)


async def test_fa_10_clients_go_away(server: Process, stage: Stage) -> None:
    """A thousand leave in mid request: no connection is lost, and no transaction stays open."""
    place = urlsplit(server.url)
    async with visiting(server.url) as (client, tasks):
        assert (await client.post(tasks, json={"title": "stays"})).status_code == 201
        body = b'{"title": "leaves"}'
        head = (
            f"POST {tasks} HTTP/1.1\r\nHost: {place.netloc}\r\n"
            f"Authorization: {client.headers['authorization']}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        ).encode()
        gate = asyncio.Semaphore(AT_ONCE)

        async def leave(number: int) -> None:
            async with gate:
                _, writer = await asyncio.open_connection(place.hostname, place.port)
                # Every fifth has not sent all of it.
                writer.write(head + (body if number % 5 else body[:-3]))
                await writer.drain()
                await asyncio.sleep(number % 7 / 1000)
                writer.transport.abort()

        await asyncio.gather(*(leave(number) for number in range(LEAVING)))

        async def is_served() -> bool:
            return (await client.get(tasks)).status_code == 200

        # On a slow machine those who have gone may still be in line.
        await until(is_served)

    await stage.rests(most=POOL_SIZE, name=NAME)
    async with stage.session() as session:
        await assert_counters_agree(session)


async def test_fa_27_no_more_descriptors(stage: Stage, tmp_path: Path) -> None:
    """Who comes when there are none is shed; who was there is served, and all are afterwards."""
    program = ("prlimit", f"--nofile={DESCRIPTORS}", *COMMAND)
    env = small(stage, tmp_path) | {"DATABASE_TIMEOUT": str(LONG_SECONDS)}
    with started("serve", env=env, program=program) as process:
        place = urlsplit(process.url)
        async with visiting(process.url) as (client, tasks):
            body = {"title": "Buy milk"}
            assert (await client.post(tasks, json=body)).status_code == 201
            with ExitStack() as stack:
                for _ in range(DESCRIPTORS + 50):
                    stack.enter_context(socket.create_connection((place.hostname, place.port)))
                during = await client.post(tasks, json=body)
                await stage.terminate(name=NAME)
                without = await client.post(tasks, json=body)

            async def is_served() -> bool:
                async with visiting(process.url) as (another, others):
                    answer = await another.post(others, json=body)
                    return answer.status_code == 201

            await until(is_served)

    assert during.status_code == 201
    assert without.status_code in {201, 503}
    assert "Traceback" not in process.said
