"""A client that costs little: what is measured is the server, and the run has to come to an end."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

import orjson

NO_FIELDS: Final[Mapping[str, str]] = MappingProxyType({})
_PATIENCE_SECONDS: Final = 60.0
_COMPANY_SECONDS: Final = 0.5
# Less than the server keeps an idle one, so that none is closed while a request is on its way.
_KEPT_SECONDS: Final = 2.0
_END: Final = b"\r\n\r\n"
_BODILESS: Final = frozenset({204, 304})


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent; `target` is percent-encoded already."""

    method: str
    target: str
    body: bytes | None = None
    fields: Mapping[str, str] = field(default_factory=lambda: NO_FIELDS)

    def octets(self) -> bytes:
        lines = [f"{self.method} {self.target} HTTP/1.1", "host: test"]
        if self.body is not None:
            lines += ["content-type: application/json", f"content-length: {len(self.body)}"]
        lines += [f"{name}: {value}" for name, value in self.fields.items()]
        return "\r\n".join([*lines, "", ""]).encode() + (self.body or b"")


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; `head` is the status line and the headers as they stood."""

    status: int
    head: bytes
    fields: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)

    @property
    def version(self) -> str | None:
        """The entity tag without the letter of its contract."""
        tag = self.fields.get("etag")
        return None if tag is None else tag.removeprefix("W/").strip('"').partition("-")[2]


class Connection:
    """One connection, kept alive from a request to the next, whoever they are from."""

    def __init__(self, host: str, port: int) -> None:
        self._place = host, port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._used_at = 0.0

    @property
    def is_open(self) -> bool:
        return self._streams is not None

    async def send(self, *requests: Request) -> None:
        """Send them in one go, whether or not the server has answered the first of them."""
        _, writer = await self._open()
        writer.write(b"".join(each.octets() for each in requests))

    async def receive(self, request: Request) -> Answer:
        """Read the next answer, which is the one to `request`."""
        if self._streams is None:
            raise EOFError("the connection was closed")
        reader, _ = self._streams
        async with asyncio.timeout(_PATIENCE_SECONDS):
            head = await reader.readuntil(_END)
            status, fields = _parsed(head)
            has_body = request.method != "HEAD" and status not in _BODILESS
            body = await _body(reader, fields) if has_body else b""
        if fields.get("connection") == "close":
            await self.close()
        return Answer(status, head, fields, body)

    async def abandon(self, request: Request) -> None:
        """Send a request and hang up: nobody will read the answer."""
        _, writer = await self._open()
        writer.write(request.octets())
        await writer.drain()
        await self.close()

    async def close(self) -> None:
        if self._streams is not None:
            _, writer = self._streams
            self._streams = None
            writer.transport.abort()

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        now = asyncio.get_running_loop().time()
        if now - self._used_at > _KEPT_SECONDS:
            await self.close()
        if self._streams is None or self._streams[1].is_closing():
            self._streams = await asyncio.open_connection(*self._place)
        self._used_at = now
        return self._streams


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A request that waits for another one to travel with."""

    request: Request
    answer: asyncio.Future[Answer]


class Line:
    """Connections to one server that all users share, each taking the one that was idle longest."""

    def __init__(self, url: str, *, size: int) -> None:
        host, _, port = url.removeprefix("http://").rpartition(":")
        self._all: Sequence[Connection] = [Connection(host, int(port)) for _ in range(size)]
        self._idle: asyncio.Queue[Connection] = asyncio.Queue()
        for connection in self._all:
            self._idle.put_nowait(connection)
        self._waiting: _Waiting | None = None

    @property
    def size(self) -> int:
        return len(self._all)

    async def exchange(self, request: Request) -> Answer:
        async with self.connection() as connection:
            await connection.send(request)
            return await connection.receive(request)

    async def exchange_in_company(self, request: Request) -> Answer:
        """Have it sent in one go with somebody else's; alone where nobody else comes soon."""
        if self._waiting is None:
            return await self._with_the_next(request)
        first, self._waiting = self._waiting, None
        try:
            async with self.connection() as connection:
                await connection.send(first.request, request)
                first.answer.set_result(await connection.receive(first.request))
                if connection.is_open:
                    return await connection.receive(request)
        finally:
            if not first.answer.done():
                first.answer.set_exception(EOFError("the connection was lost"))
        return await self.exchange(request)  # a server that closes has not read on

    async def _with_the_next(self, request: Request) -> Answer:
        waiting = _Waiting(request, asyncio.get_running_loop().create_future())
        self._waiting = waiting
        await asyncio.wait([waiting.answer], timeout=_COMPANY_SECONDS)
        if self._waiting is waiting:
            self._waiting = None
            return await self.exchange(request)
        return await waiting.answer

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        found = await self._idle.get()
        try:
            yield found
        except BaseException:
            await found.close()  # cut off between two messages
            raise
        finally:
            self._idle.put_nowait(found)

    async def close(self) -> None:
        for connection in self._all:
            await connection.close()


def _parsed(head: bytes) -> tuple[int, dict[str, str]]:
    first, *lines = head.decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in lines if line)
    return int(first.split(" ", 2)[1]), {name.lower(): value.strip() for name, _, value in pairs}


async def _body(reader: asyncio.StreamReader, fields: Mapping[str, str]) -> bytes:
    if "transfer-encoding" not in fields:
        return await reader.readexactly(int(fields["content-length"]))
    chunks = []
    while size := int(await reader.readuntil(b"\r\n"), 16):
        chunks.append((await reader.readexactly(size + 2))[:-2])
    await reader.readexactly(2)
    return b"".join(chunks)
