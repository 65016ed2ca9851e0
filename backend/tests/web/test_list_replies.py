"""How a list is put together from its chunks, and how a stream of them is sent."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Final

import asyncpg
import pytest
from starlette.requests import ClientDisconnect
from starlette.types import Message

from tests.database.databases import SHAPE, opened, user
from tests.support.many import given_many
from todo_backend.database.url import ConnectArgs
from todo_backend.model.task import Listing, RenderedChunk, RenderedList
from todo_backend.web.answer import JSON, Answer, Header, Reply, Streamed
from todo_backend.web.lists import list_reply

VALIDATOR: Final[Header] = (b"etag", b'W/"p-7"')
CHUNKS: Final = [("1,2", 2), ("3", 1)]


async def chunked(chunks: Iterable[tuple[str, int]]) -> AsyncIterator[RenderedChunk]:
    *some, last = chunks
    for items, count in some:
        yield RenderedChunk(items, count, is_last=False)
    yield RenderedChunk(*last, is_last=True)


async def reply(chunks: AsyncIterator[RenderedChunk] | None) -> Reply:
    return await list_reply(
        RenderedList(chunks, total=9, version=7),
        opening=b'{"tasks":[',
        closing=lambda written: b'],"count":%d}' % written,
        headers=(JSON, VALIDATOR),
    )


class Client:
    """The other end of an application: it takes `patience` messages with a body, and goes."""

    def __init__(self, *, patience: int | None = None) -> None:
        self.messages: list[Message] = []
        self._patience = patience
        self._gone = asyncio.Event()
        self._has_asked = False

    async def receive(self) -> Message:
        if not self._has_asked:
            self._has_asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        self.messages.append(message)
        if len(self.bodies) == self._patience:
            self._gone.set()
        await asyncio.sleep(0.001)  # as when the client takes its time

    @property
    def bodies(self) -> list[bytes]:
        return [message["body"] for message in self.messages if message.get("body")]


@pytest.mark.parametrize(
    ("chunks", "body"),
    [
        ([("1,2", 2), ("3", 1)], b'{"tasks":[1,2,3],"count":3}'),
        ([("1,2", 2), ("", 0)], b'{"tasks":[1,2],"count":2}'),
        ([("1,2", 2), ("", 0), ("3", 1)], b'{"tasks":[1,2,3],"count":3}'),
        ([("", 0), ("3", 1)], b'{"tasks":[3],"count":1}'),
    ],
)
async def test_what_is_told_at_the_end_is_what_was_sent(
    chunks: list[tuple[str, int]], body: bytes
) -> None:
    """Also where the tasks of a chunk are gone by the time that it is read."""
    client = Client()

    streamed = await reply(chunked(chunks))
    assert isinstance(streamed, Streamed)
    await streamed.send(client.send, client.receive, with_body=True)

    start, *_, end = client.messages
    assert start == {
        "type": "http.response.start",
        "status": 200,
        "headers": [JSON, VALIDATOR],
    }
    assert b"".join(client.bodies) == body
    assert end == {"type": "http.response.body"}


@pytest.mark.parametrize(
    ("chunk", "body"),
    [(("1,2", 2), b'{"tasks":[1,2],"count":2}'), (("", 0), b'{"tasks":[],"count":0}')],
)
async def test_single_chunk_is_a_whole_answer(chunk: tuple[str, int], body: bytes) -> None:
    """One write, of a known length."""
    assert await reply(chunked([chunk])) == Answer(200, body, (JSON, VALIDATOR))


async def test_list_that_is_known_has_no_body() -> None:
    """304 with the validators alone."""
    assert await reply(None) == Answer(304, b"", (VALIDATOR,))


async def test_head_reads_no_more_than_the_first_chunk() -> None:
    """That one was needed to know that there is a list."""
    taken = []

    async def chunks() -> AsyncIterator[RenderedChunk]:
        async for chunk in chunked(CHUNKS):
            taken.append(chunk.items)
            yield chunk

    client = Client()
    streamed = await reply(chunks())
    assert isinstance(streamed, Streamed)
    await streamed.send(client.send, client.receive, with_body=False)

    assert taken == ["1,2"]
    assert client.bodies == []
    assert [message["type"] for message in client.messages] == [
        "http.response.start",
        "http.response.body",
    ]


async def test_nothing_is_read_for_a_client_that_has_gone(
    address: ConnectArgs, superuser: asyncpg.Connection
) -> None:
    """The list ends within a chunk, and every connection is back in the pool."""
    owner = user("leaving")
    await given_many(superuser, owner.user_id, 2000)
    client = Client(patience=3)

    async with opened(address, pool_size=2) as db:
        found = await db.tasks(SHAPE).listing(owner, Listing(), known_versions=None)
        streamed = await reply(found.chunks)
        assert isinstance(streamed, Streamed)
        with pytest.raises(ClientDisconnect):
            await streamed.send(client.send, client.receive, with_body=True)

        assert len(client.bodies) in {3, 4}
        assert db.usage.open == db.usage.idle == 1
        assert (await db.tasks(SHAPE).listing(owner, Listing(), known_versions=None)).total == 2000


async def test_nobody_waits_for_the_end_of_a_client_that_stays() -> None:
    """Who watches for its going stops with the stream."""
    client = Client()
    before = asyncio.all_tasks()

    streamed = await reply(chunked(CHUNKS))
    assert isinstance(streamed, Streamed)
    await streamed.send(client.send, client.receive, with_body=True)
    await asyncio.sleep(0)

    assert asyncio.all_tasks() <= before
