"""Somebody else's key service, on a real socket: in order, slow, dead, broken, hostile."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

PATH: Final = "/api/auth/jwks"
_Behaviour = Callable[[asyncio.StreamWriter], Coroutine[None, None, None]]


class KeyService:
    """Answers every request by what was last asked of it, and remembers the requests."""

    def __init__(self, tls: ssl.SSLContext | None) -> None:
        self._tls = tls
        self._server: asyncio.Server | None = None
        self._port = 0
        self._behaviour: _Behaviour = self._answer_nothing
        self._released = asyncio.Event()
        self._serving: set[asyncio.Task[None]] = set()
        self._asked = asyncio.Event()
        self.requests: list[str] = []
        self.bytes_taken = 0

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://localhost:{self._port}{PATH}"

    @property
    def paths(self) -> list[str]:
        return [request.split(" ")[1] for request in self.requests]

    # What it does from now on ------------------------------------------------------------

    def publish(self, *keys: Mapping[str, Any]) -> None:
        self.answer(json.dumps({"keys": [dict(key) for key in keys]}))

    def answer(self, body: str | bytes, *, status: str = "200 OK", **headers: str) -> None:
        """Answer with this body; `headers` are named with _ for -."""
        content = body.encode() if isinstance(body, str) else body
        fields = {"content_length": str(len(content))} | headers
        lines = [f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items()]
        head = f"HTTP/1.1 {status}\r\nconnection: close\r\n{''.join(lines)}\r\n"

        async def behaviour(writer: asyncio.StreamWriter) -> None:
            writer.write(head.encode("latin-1") + content)

        self._behaviour = behaviour

    def hang(self) -> None:
        """Take requests and answer none of them until `release`."""
        before = self._behaviour
        self._released.clear()

        async def behaviour(writer: asyncio.StreamWriter) -> None:
            await self._released.wait()
            await before(writer)

        self._behaviour = behaviour

    def release(self) -> None:
        """Go on with what hangs."""
        self._released.set()

    def break_off(self) -> None:
        """Close every connection without an answer."""
        self._behaviour = self._answer_nothing

    def flood(self) -> None:
        """Answer with a body that never ends; `bytes_taken` is what the client let through."""

        async def behaviour(writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
            chunk = b" " * 65536
            while True:
                writer.write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
                await writer.drain()
                self.bytes_taken += len(chunk)

        self._behaviour = behaviour

    async def asked(self) -> None:
        """Wait for the first request."""
        await self._asked.wait()

    async def start(self) -> None:
        """Listen: on the same port as before, if there was one."""
        self._server = await asyncio.start_server(
            self._accept, "127.0.0.1", self._port, ssl=self._tls
        )
        self._port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Be unreachable."""
        if self._server is not None:
            self._server.close()
            for task in self._serving:
                task.cancel()
            await asyncio.gather(*self._serving, return_exceptions=True)
            await self._server.wait_closed()
            self._server = None

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                head = await reader.readuntil(b"\r\n\r\n")
                self.requests.append(head.decode("latin-1"))
                self._asked.set()
                await self._while_there(reader, self._behaviour(writer))
                await writer.drain()
        finally:
            writer.close()

    async def _while_there(
        self, reader: asyncio.StreamReader, behaving: Coroutine[None, None, None]
    ) -> None:
        tasks = {asyncio.create_task(reader.read(1)), asyncio.create_task(behaving)}
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _answer_nothing(self, writer: asyncio.StreamWriter) -> None:
        del writer


@asynccontextmanager
async def key_service(
    *keys: Mapping[str, Any], tls: ssl.SSLContext | None = None
) -> AsyncIterator[KeyService]:
    """Run a key service that publishes these."""
    service = KeyService(tls)
    service.publish(*keys)
    await service.start()
    try:
        yield service
    finally:
        await service.stop()
