"""Lists too long to hold: what becomes of them when something goes wrong on their way."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import urlsplit

import asyncpg
import h11
import pytest
import pytest_asyncio

from tests.contracts import wire
from tests.contracts.wire import Wire
from tests.database.databases import SHAPES, database, session, until, url_of
from tests.support.client import client_for
from tests.support.many import given_many
from tests.support.server import Served, environment, serving
from tests.support.users import token_for
from todo_backend.contracts import CONTRACTS
from todo_backend.database import migrate
from todo_backend.database.tasks import CHUNK_TASKS
from todo_backend.database.url import ConnectArgs
from todo_backend.web.answer import JSON, NO_STORE, Streamed
from todo_backend.web.contract import Contract
from todo_backend.web.operation import Route

LONG: Final = "long"
"""A user with more than any buffer between server and client takes: 18 MB."""
LONG_TASKS: Final = 3000
TORN: Final = "/api/torn"
CUT_SHORT: Final = (h11.RemoteProtocolError, ConnectionError)
_RECEIVE_BYTES: Final = 64 * 1024


async def torn() -> Streamed:
    """Answer with a defect in the middle."""

    async def parts() -> AsyncIterator[bytes]:
        yield b"[1"
        await asyncio.sleep(0)
        raise RuntimeError("the password is hunter2-canary")

    return Streamed(200, parts(), (JSON, NO_STORE))


def contract() -> Contract:
    """Return the plain contract with a list that has a defect."""
    plain = CONTRACTS["plain"]
    return replace(plain, routes=(*plain.routes, Route("GET", TORN, torn, operation_id="tear")))


@dataclass(frozen=True, slots=True)
class Scene:
    """A server, and its own database, which a test may take away."""

    served: Served
    args: ConnectArgs
    truth: asyncpg.Connection

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.served.log.getvalue().splitlines()]

    def lines_of(self, request_id: str) -> list[dict[str, Any]]:
        return [line for line in self.lines() if line.get("request_id") == request_id]

    async def ended(self, request_id: str) -> dict[str, Any]:
        """Wait for what the access log says of a request, and return it: its last line."""
        await until(lambda: [each for each in self.lines_of(request_id) if "status" in each])
        return self.lines_of(request_id)[-1]


@pytest_asyncio.fixture(scope="module")
async def scene(address: ConnectArgs) -> AsyncIterator[Scene]:
    async with database(address) as args, session(args) as truth:
        await migrate.up(args, SHAPES)
        await given_many(truth, LONG, LONG_TASKS, controls=1000)
        env = environment(url_of(args), API_CONTRACTS="plain", DATABASE_TIMEOUT="2")
        async with serving(env, contracts={"plain": contract()}) as served:
            yield Scene(served, args, truth)


class SlowReader(Wire):
    """A client that lets its answers wait."""

    def __init__(self, connection: socket.socket) -> None:
        super().__init__(connection)
        self._connection = connection

    async def until_answered(self) -> None:
        """Wait for the first byte of an answer, and leave it where it is."""
        await until(self._has_more)

    def _has_more(self) -> bool:
        with suppress(BlockingIOError):
            return bool(self._connection.recv(1, socket.MSG_PEEK))
        return False


@asynccontextmanager
async def slow_reader(url: str) -> AsyncIterator[SlowReader]:
    """Connect so that what the client does not read stays with the server."""
    address = urlsplit(url)
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BYTES)
        connection.settimeout(0)
        where = (address.hostname, address.port)
        await asyncio.get_running_loop().sock_connect(connection, where)
        yield SlowReader(connection)


def get(path: str, user_id: str, request_id: str, *, method: str = "GET") -> bytes:
    headers = [("authorization", f"Bearer {token_for(user_id)}"), ("x-request-id", request_id)]
    return wire.request(method, path, headers)


def tasks_of(user_id: str) -> str:
    return f"/api/{user_id}/tasks"


@pytest.mark.parametrize(
    ("count", "is_whole"), [(1, True), (CHUNK_TASKS, True), (CHUNK_TASKS + 1, False)]
)
async def test_list_is_whole_while_it_is_short(scene: Scene, count: int, *, is_whole: bool) -> None:
    """Its length is told as long as it costs nothing to know it."""
    owner = f"short-{count}"
    await given_many(scene.truth, owner, count)

    async with wire.connected(scene.served.url) as connection:
        responses = [
            await connection.exchange(get(tasks_of(owner), owner, f"{owner}-{number}"))
            for number in range(2)
        ]

    for response in responses:
        assert ("content-length" in response.headers) is is_whole
        assert ("transfer-encoding" in response.headers) is not is_whole
        assert len(response.json()["tasks"]) == response.json()["count"] == count


async def test_head_of_a_long_list(scene: Scene) -> None:
    """The headers without a body, nothing is read for one, and the connection goes on."""
    async with wire.connected(scene.served.url) as connection:
        octets = get(tasks_of(LONG), LONG, "head", method="HEAD")
        head = await connection.exchange(octets, method="HEAD")
        octets = get(TORN, LONG, "head-torn", method="HEAD")
        unread = await connection.exchange(octets, method="HEAD")
        after = await connection.exchange(get("/livez", LONG, "after-head"))

    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-type"] == "application/json"
    assert head.headers["etag"] == 'W/"p-7"'
    assert (unread.status_code, after.status_code) == (200, 200)
    assert "error" not in await scene.ended("head-torn")


async def test_request_with_a_body_and_one_behind_it(scene: Scene) -> None:
    """Nobody has read the body of the first when its list begins, nor the second request."""
    body = b"x" * 30_000
    authorization = ("authorization", f"Bearer {token_for(LONG)}")
    octets = wire.request("GET", tasks_of(LONG), [authorization], body)

    async with wire.connected(scene.served.url) as connection:
        first = await connection.exchange(octets + get("/livez", LONG, "behind"))
        second = await connection.read()

    assert first.json()["count"] == len(first.json()["tasks"]) == LONG_TASKS
    assert second.json() == {"status": "alive"}


async def test_log_tells_of_a_list_at_its_end(scene: Scene) -> None:
    """Before that, nobody knows how it ends."""
    async with slow_reader(scene.served.url) as connection:
        await connection.send(get(tasks_of(LONG), LONG, "slow"))
        await connection.until_answered()
        early = scene.lines_of("slow")
        response = await connection.read()

    line = await scene.ended("slow")
    assert early == []
    assert (line["status"], line["event"]) == (200, "request")
    assert "error" not in line
    assert response.json()["count"] == LONG_TASKS


async def test_client_that_goes(scene: Scene) -> None:
    """The list ends with it, and the log says so."""
    async with slow_reader(scene.served.url) as connection:
        await connection.send(get(tasks_of(LONG), LONG, "gone"))
        await connection.until_answered()

    line = await scene.ended("gone")
    assert (line["status"], line["error"]) == (200, "client gone")
    assert_quiet(scene)


async def test_database_that_goes(scene: Scene) -> None:
    """The client can tell that its list is not whole, and the next request is as good as ever."""
    async with slow_reader(scene.served.url) as connection:
        await connection.send(get(tasks_of(LONG), LONG, "lost"))
        await connection.until_answered()
        async with taken_away(scene):
            with pytest.raises(CUT_SHORT):
                await connection.read()

    line = await scene.ended("lost")
    assert line["status"] == 200
    assert line["error"].startswith("DatabaseUnavailable: ")
    assert_quiet(scene)
    headers = {"authorization": f"Bearer {token_for(LONG)}"}
    async with client_for(scene.served.url, headers=headers) as client:
        assert len((await client.get(tasks_of(LONG))).json()["tasks"]) == LONG_TASKS


async def test_defect_on_the_way(scene: Scene) -> None:
    """It is reported like any other, but to the client, who sees that the list is not whole."""
    async with wire.connected(scene.served.url) as connection:
        with pytest.raises(CUT_SHORT):
            await connection.exchange(get(TORN, LONG, "torn"))

    line = await scene.ended("torn")
    assert (line["status"], line["error"]) == (200, "RuntimeError")
    assert [each["event"] for each in scene.lines_of("torn")] == ["unexpected", "request"]
    assert "hunter2" not in scene.served.log.getvalue()
    assert_quiet(scene)


def assert_quiet(scene: Scene) -> None:
    """Nobody complains in the log but about the one defect: the server in front doesn't either."""
    complaints = [line for line in scene.lines() if line["level"] != "info"]
    assert [line for line in complaints if line.get("request_id") != "torn"] == []


@asynccontextmanager
async def taken_away(scene: Scene) -> AsyncIterator[None]:
    """Take the server's database away, for a while."""
    name = scene.args.database
    async with session(replace(scene.args, database="postgres")) as administrator:
        await administrator.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        await administrator.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = $1 AND pid <> $2",
            name,
            scene.truth.get_server_pid(),
        )
        try:
            yield
        finally:
            await administrator.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
