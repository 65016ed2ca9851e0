"""Limiters of the test's own, each as a process has one, and a network before their store."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from tests.support.redis_server import RedisServer
from todo_backend.core.rate_limits import Meter, RateLimiter, SharedCounters
from todo_backend.model.errors import RateLimited

PATIENCE_SECONDS = 20
_CHUNK_BYTES = 65_536


@asynccontextmanager
async def limiting(url: str) -> AsyncIterator[RateLimiter]:
    limiter = RateLimiter(SharedCounters(url))
    await limiter.open()
    try:
        yield limiter
    finally:
        await limiter.close()


async def is_let_in(meter: Meter, identity: str = "alice") -> bool:
    try:
        await meter.take(identity)
    except RateLimited:
        return False
    return True


async def until(is_so: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


@dataclass
class Way:
    """The way to a store. Whatever goes either way takes `delay_seconds` for it."""

    url: str
    delay_seconds: float = 0.0


@asynccontextmanager
async def way_to(redis: RedisServer) -> AsyncIterator[Way]:
    """Forward a port of its own to this server."""
    under_way: set[asyncio.Task[None]] = set()

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(_CHUNK_BYTES):
            await asyncio.sleep(way.delay_seconds)
            writer.write(data)

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        under_way.add(task)
        with suppress(OSError, asyncio.CancelledError):
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", redis.port)
            pumps = (pump(reader, far_writer), pump(far_reader, writer))
            try:
                await asyncio.wait(
                    [asyncio.ensure_future(each) for each in pumps],
                    return_when=asyncio.FIRST_COMPLETED,
                )
            finally:
                far_writer.transport.abort()
        writer.transport.abort()
        under_way.discard(task)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        way = Way(redis.url.replace(f":{redis.port}/", f":{port}/"))
        async with await asyncio.start_server(forward, sock=listening.dup()):
            yield way
            for each in list(under_way):
                each.cancel()
            if under_way:
                await asyncio.wait(under_way)
