"""What goes back to the client."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import orjson
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

Header = tuple[bytes, bytes]

JSON: Final[Header] = (b"content-type", b"application/json")
NO_STORE: Final[Header] = (b"cache-control", b"no-store")
CLOSE: Final[Header] = (b"connection", b"close")
CUT: Final = "todo_backend.cut"
"""Names, in the `state` of a scope, what ends the connection at once, if the server provides it."""
LINGER_SECONDS: Final = 2.0
"""How long a client may go on sending after the answer that ends its connection."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole response. `headers` are lower case, without content-length."""

    status: int
    body: bytes = b""
    headers: tuple[Header, ...] = (JSON, NO_STORE)

    @property
    def closes(self) -> bool:
        """Whether the connection ends with this answer."""
        return CLOSE in self.headers

    async def send(self, send: Send, *, lingering: Receive | None = None) -> None:
        """Send all of it; then, with `lingering`, let the client finish what it is sending.

        A connection that is closed while it still has something to read is reset, and the client
        may lose the answer with it (RFC 9112, section 9.6).
        """
        headers = list(self.headers)
        # RFC 9110, section 8.6: no content-length without content.
        if self.status not in {204, 304}:
            headers.append((b"content-length", b"%d" % len(self.body)))
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        if lingering is not None:
            await send({"type": "http.response.body", "body": self.body, "more_body": True})
            await _discard(lingering)
            await send({"type": "http.response.body"})
            return
        await send({"type": "http.response.body", "body": self.body})


async def _discard(receive: Receive) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(LINGER_SECONDS):
            while (await receive()).get("more_body"):
                pass


@dataclass(frozen=True, slots=True)
class Streamed:
    """A response that is sent while it is made. `headers` are as an Answer's.

    Nothing but the parts that were sent can be told to the client once something goes wrong.
    """

    status: int
    parts: AsyncIterator[bytes]
    headers: tuple[Header, ...]

    async def send(self, send: Send, receive: Receive, *, with_body: bool) -> None:
        """Send part after part, each as soon as the client has taken most of those before.

        Raises: ClientDisconnect, and what the parts raise; the response is then incomplete.
        """
        headers = list(self.headers)
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        if with_body:
            leaving = asyncio.create_task(_until_gone(receive))
            try:
                async for part in self.parts:
                    await send({"type": "http.response.body", "body": part, "more_body": True})
                    del part
                    # It returns when the client has taken that: the next is made no sooner.
                    await send({"type": "http.response.body", "body": b"", "more_body": True})
                    if leaving.done():
                        raise ClientDisconnect
            finally:
                leaving.cancel()
        await send({"type": "http.response.body"})


Reply = Answer | Streamed


async def cut_off(scope: Scope, receive: Receive) -> None:
    """End the connection, so that the client can tell that what it has is not the whole.

    A server that provides no way to do so does it by itself when the application returns.
    """
    cut = scope.get("state", {}).get(CUT)
    if cut is not None:
        cut()
        await _until_gone(receive)


async def _until_gone(receive: Receive) -> None:
    # A request may have a body that nobody has asked for.
    while (await receive())["type"] != "http.disconnect":
        pass


def json_answer(status: int, content: object, *headers: Header) -> Answer:
    """Write `content` as JSON; `headers` come beside the usual ones."""
    return Answer(status, orjson.dumps(content), (JSON, NO_STORE, *headers))
