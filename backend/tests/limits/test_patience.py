"""Clients that are slow, or too many: whom the server lets go, and that nothing of them stays."""

import asyncio
import gc
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import h11
import pytest

from tests.contracts import wire
from tests.contracts.wire import Wire
from tests.database.databases import until
from tests.limits.attacks import crowd as connected_crowd
from tests.limits.conftest import Scene
from todo_backend.web import crowd, transport
from todo_backend.web.transport import HttpProtocol

TASK = b'{"title":"Buy milk"}'
LIVEZ = wire.request("GET", "/livez")
SOON = 0.2
CUT_SHORT = (h11.RemoteProtocolError, ConnectionError)


def connections() -> list[HttpProtocol]:
    """Find what this process has of connections, wherever it is kept."""
    gc.collect()
    return [each for each in gc.get_objects() if isinstance(each, HttpProtocol) and each.transport]


@asynccontextmanager
async def nothing_left() -> AsyncIterator[None]:
    """Wait afterwards until connections, and what was done for them, are gone."""
    tasks, before = asyncio.all_tasks(), len(connections())
    yield
    await until(lambda: asyncio.all_tasks() <= tasks)
    await until(lambda: len(connections()) <= before)


@pytest.mark.parametrize("at", ["nothing", "blank lines", "a head", "a body", "a refused body"])
async def test_g_10_request_that_does_not_come_is_not_waited_for(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    """Its connection ends, whatever was there of it."""
    monkeypatch.setattr(transport, "REQUEST_SECONDS", SOON)
    octets = {
        "nothing": b"",
        "blank lines": b"\r\n\r\n",
        "a head": scene.request("GET")[:-2],
        "a body": scene.request("POST", body=TASK)[:-1],
        "a refused body": wire.request("POST", "/nowhere", body=TASK)[:-1],
    }[at]

    async with nothing_left(), wire.connected(scene.url) as connection:
        await connection.send(octets)
        if at == "a refused body":
            assert (await connection.read()).status_code == 404
        assert await connection.is_closed_by_server()


@pytest.mark.slow
async def test_g_10_dribbling_is_no_way_around(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The time of a request is counted from its first octet, and anew for the next one."""
    monkeypatch.setattr(transport, "REQUEST_SECONDS", SOON)

    async with nothing_left(), wire.connected(scene.url) as connection:
        for _ in range(4):
            await connection.send(LIVEZ[:9])
            await asyncio.sleep(SOON / 2)
            assert (await connection.exchange(LIVEZ[9:])).status_code == 200
        ending = asyncio.create_task(connection.is_closed_by_server())
        await connection.send(LIVEZ[:-2])
        while not ending.done():
            await connection.send(b"x: a\r\n")
            await asyncio.sleep(SOON / 10)
        assert await ending


async def nothing_moves() -> bool:
    """Whether a client takes nothing, and neither does the kernel for it."""
    before = [each.unsent_bytes for each in connections()]
    await asyncio.sleep(SOON)
    after = [each.unsent_bytes for each in connections()]
    return before == after and any(after)


async def stalled(connection: Wire, scene: Scene) -> None:
    """Ask for a list and take nothing of it."""
    await connection.send(scene.request("GET"))


async def test_g_10_answer_that_is_not_taken_is_not_kept(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client can tell that its list is not whole, and the log has a line of it."""
    monkeypatch.setattr(transport, "STALL_SECONDS", SOON)
    written = scene.served.log.tell()

    async with nothing_left(), connected_crowd(scene.url, 1, reads=False) as [connection]:
        await stalled(connection, scene)
        await until(lambda: scene.served.log.tell() > written)
        with pytest.raises(CUT_SHORT):
            await connection.read()

    [line] = scene.served.log.getvalue()[written:].splitlines()
    assert json.loads(line)["error"] == "client gone"


@pytest.mark.slow
async def test_g_10_answer_that_is_taken_slowly_is_kept(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long it takes, as long as something is taken."""
    monkeypatch.setattr(transport, "STALL_SECONDS", SOON)

    async with nothing_left(), connected_crowd(scene.url, 1, reads=False) as [connection]:
        await stalled(connection, scene)
        response = await connection.read()

    assert response.json()["count"] == len(response.json()["tasks"])


@pytest.mark.slow
async def test_g_10_who_has_waited_longest_makes_room(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A crowd that only connects keeps nobody out, and who is being answered stays."""
    monkeypatch.setattr(crowd, "connections_max", lambda: 5)

    async with nothing_left(), connected_crowd(scene.url, 1, reads=False) as [busy]:
        await stalled(busy, scene)
        async with connected_crowd(scene.url, 20) as silent:
            for connection in silent:
                await connection.send(b"GET /")
            async with wire.connected(scene.url) as newcomer:
                alive = await newcomer.exchange(LIVEZ)
            assert await silent[0].is_closed_by_server()
            last = await silent[-1].exchange(LIVEZ[5:])
        listed = await busy.read()

    assert (alive.status_code, last.status_code, listed.status_code) == (200, 200, 200)


@pytest.mark.slow
async def test_g_10_nobody_can_make_room(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where all are being answered, who comes is told to come back, as any error is told."""
    monkeypatch.setattr(crowd, "connections_max", lambda: 3)

    async with nothing_left(), connected_crowd(scene.url, 3, reads=False) as busy:
        for connection in busy:
            await stalled(connection, scene)
        await until(lambda: all(not each.waits for each in connections()))
        async with wire.connected(scene.url) as newcomer:
            refused = await newcomer.exchange(LIVEZ)
            assert not newcomer.is_open
        lists = [await connection.read() for connection in busy]

    assert refused.status_code == 503
    assert refused.headers["retry-after"] == "1"
    assert refused.json()["code"] == "SERVICE_UNAVAILABLE"
    assert [each.status_code for each in lists] == [200, 200, 200]


@pytest.mark.slow
@pytest.mark.parametrize("at", ["a head", "a body"])
async def test_g_10_unfinished_requests_are_bounded_together(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    """The oldest ones go; the last one is there when it is finished."""
    monkeypatch.setattr(crowd, "UNFINISHED_MAX_BYTES", 200_000)
    octets = scene.request("POST", ("x", "a" * 30_000), body=TASK)
    if at == "a body":
        octets = scene.request("POST", body=TASK.ljust(30_000))
    cut = 5 if at == "a body" else len(TASK) + 2

    async with nothing_left(), connected_crowd(scene.url, 20) as clients:
        for connection in clients:
            await connection.send(octets[:-cut])
        assert await clients[0].is_closed_by_server()
        last = await clients[-1].exchange(octets[-cut:])

    assert last.status_code == 201


@pytest.mark.slow
async def test_g_10_untaken_answers_are_bounded_together(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who has taken nothing for longest goes."""
    # A chunk of this list has 610,000; the kernel takes a third of it.
    monkeypatch.setattr(crowd, "UNSENT_MAX_BYTES", 700_000)

    async with nothing_left(), connected_crowd(scene.url, 2, reads=False) as [first, second]:
        await stalled(first, scene)
        await until(nothing_moves)
        await stalled(second, scene)
        await until(lambda: len(connections()) == 1)
        with pytest.raises(CUT_SHORT):
            await first.read()
        last = await second.read()

    assert last.status_code == 200
