"""What goes back to the client."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import orjson
from starlette.types import Receive, Send

Header = tuple[bytes, bytes]

JSON: Final[Header] = (b"content-type", b"application/json")
NO_STORE: Final[Header] = (b"cache-control", b"no-store")
CLOSE: Final[Header] = (b"connection", b"close")
_LINGER_SECONDS: Final = 2.0


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
        async with asyncio.timeout(_LINGER_SECONDS):
            while (await receive()).get("more_body"):
                pass


def json_answer(status: int, content: object, *headers: Header) -> Answer:
    """Write `content` as JSON; `headers` come beside the usual ones."""
    return Answer(status, orjson.dumps(content), (JSON, NO_STORE, *headers))
