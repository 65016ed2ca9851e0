"""A network between the application and its database that can be made a bad one."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Final

from todo_backend.database.url import ConnectArgs

_CHUNK_BYTES: Final = 65_536
# PostgreSQL's message that a statement is to be run, and the end of an answer.
_EXECUTE: Final = b"E\x00\x00\x00"
_LINGER_NOT: Final = struct.pack("ii", 1, 0)


@dataclass(slots=True)
class Weather:
    """What the network does at this moment.

    `is_silent` keeps everything back. `cuts_after` ends a connection after so many bytes of the
    next answer to a statement; 0 is none of them: the statement has been run, and nobody is told.
    `cuts_questions_after` ends one when so many bytes of a statement have gone through.
    """

    delay_seconds: float = 0.0
    is_silent: bool = False
    cuts_after: int | None = None
    cuts_questions_after: int | None = None


class Proxy:
    """Listens on a port, and forwards to the database's socket."""

    def __init__(self, upstream: str, port: int) -> None:
        self._upstream = upstream
        self.port = port
        self.weather = Weather()
        self.cuts = 0
        self._clear = asyncio.Event()
        self._clear.set()
        self._pairs: dict[asyncio.Task[None], tuple[asyncio.StreamWriter, asyncio.StreamWriter]]
        self._pairs = {}

    def address(self, database: ConnectArgs) -> str:
        """Spell the database's address as it is seen from this side."""
        login = f"{database.user}:{database.password}"
        place = f"127.0.0.1:{self.port}/{database.database}"
        return f"postgresql://{login}@{place}?sslmode=disable"

    def silence(self) -> None:
        self.weather.is_silent = True
        self._clear.clear()

    def speak(self) -> None:
        self.weather.is_silent = False
        self._clear.set()

    def reset(self) -> None:
        """End every connection as a machine does that has forgotten them."""
        for near, far in list(self._pairs.values()):
            sock = near.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
            near.transport.abort()
            far.transport.abort()

    async def forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        task = asyncio.current_task()
        assert task is not None
        with suppress(OSError):
            await self._clear.wait()
            far_reader, far_writer = await asyncio.open_unix_connection(self._upstream)
            self._pairs[task] = writer, far_writer
            line = _Line(self, writer, far_writer)
            await asyncio.gather(
                self._pump(reader, far_writer, line.question),
                self._pump(far_reader, writer, line.answer),
            )
        writer.transport.abort()
        if pair := self._pairs.pop(task, None):
            pair[1].transport.abort()

    async def close(self) -> None:
        self.speak()
        self.reset()
        while self._pairs:
            await asyncio.wait(list(self._pairs))

    async def _pump(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        look: Callable[[bytes], bytes | None],
    ) -> None:
        try:
            while data := await reader.read(_CHUNK_BYTES):
                if self.weather.delay_seconds:
                    await asyncio.sleep(self.weather.delay_seconds)
                await self._clear.wait()
                kept = look(data)
                if kept is None:
                    break
                writer.write(kept)
                await writer.drain()
        finally:
            writer.close()


class _Line:
    """One connection, as far as it matters for where it is cut."""

    def __init__(self, proxy: Proxy, near: asyncio.StreamWriter, far: asyncio.StreamWriter) -> None:
        self._proxy = proxy
        self._near = near
        self._far = far
        self._is_asked = False
        self._through = 0

    def question(self, data: bytes) -> bytes | None:
        """Return what of a client's bytes goes through; None, and the end, where it is cut."""
        if _EXECUTE not in data:
            return data
        self._is_asked, self._through = True, 0
        limit = self._proxy.weather.cuts_questions_after
        if limit is None:
            return data
        self._proxy.cuts += 1
        self._far.write(data[:limit])
        self._near.transport.abort()
        return None

    def answer(self, data: bytes) -> bytes | None:
        limit = self._proxy.weather.cuts_after
        if limit is None or not self._is_asked:
            return data
        self._proxy.cuts += 1
        # What is written before the end still leaves; an abort would take it back.
        self._near.write(data[:limit])
        self._near.close()
        self._far.transport.abort()
        return None


@asynccontextmanager
async def proxied(upstream: str) -> AsyncIterator[Proxy]:
    """Put a network before the database whose socket this is."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        proxy = Proxy(upstream, listening.getsockname()[1])
        async with await asyncio.start_server(proxy.forward, sock=listening.dup()):
            yield proxy
            await proxy.close()
