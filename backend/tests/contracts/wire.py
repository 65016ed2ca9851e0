"""Requests sent octet by octet, because a client library would mend or refuse what we mean to send.

h11 reads the answers, strictly. They come back as `httpx.Response`, like everybody else's.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

import h11
import httpx

Field = tuple[bytes | str, bytes | str]
"""A header as it goes over the wire; text is UTF-8."""

_READ_BYTES = 64 * 1024
_PATIENCE_SECONDS = 20


class Wire:
    """One connection. `is_open` is what the last answer announced of its future."""

    def __init__(self, connection: socket.socket) -> None:
        # A bare socket: asyncio's streams drop an answer that came before the reset of what the
        # server did not want to read.
        self._socket = connection
        self._loop = asyncio.get_running_loop()
        self._unread = b""
        self.is_open = True

    async def send(self, octets: bytes) -> None:
        """Send as much as the server takes: one that has answered may have stopped reading."""
        with suppress(ConnectionError):
            await self._loop.sock_sendall(self._socket, octets)

    def send_no_more(self) -> None:
        """Half-close: the server may still answer."""
        self._socket.shutdown(socket.SHUT_WR)

    async def read(self, method: str = "GET") -> httpx.Response:
        """Read the final answer to a request by `method`.

        Raises: h11.RemoteProtocolError for what is no HTTP/1.1, ConnectionError at the end.
        """
        parser = _parser(method)
        if self._unread:  # h11 takes no octets for the end of the connection
            parser.receive_data(self._unread)
        status, headers, body = 0, [], bytearray()
        while True:
            event = parser.next_event()
            if event is h11.NEED_DATA:
                parser.receive_data(await self._more())
            elif isinstance(event, h11.Response):
                status, headers = event.status_code, event.headers.raw_items()
            elif isinstance(event, h11.Data):
                body += event.data
            elif isinstance(event, h11.EndOfMessage):
                break
            elif isinstance(event, h11.ConnectionClosed):
                raise ConnectionResetError("closed before the end of the answer")
        self._unread = parser.trailing_data[0]
        self.is_open = parser.their_state is not h11.MUST_CLOSE
        response = httpx.Response(status, headers=headers, stream=httpx.ByteStream(bytes(body)))
        response.read()
        return response

    async def exchange(self, octets: bytes, *, method: str = "GET") -> httpx.Response:
        await self.send(octets)
        return await self.read(method)

    async def is_closed_by_server(self) -> bool:
        """Whether the server ends the connection without sending anything more.

        A reset is such an end: what was sent and not read gets no kinder answer.
        """
        try:
            return not self._unread and not await self._more()
        except ConnectionError:
            return True

    async def _more(self) -> bytes:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            return await self._loop.sock_recv(self._socket, _READ_BYTES)


def _parser(method: str) -> h11.Connection:
    """Make a reader that takes the request for sent."""
    parser = h11.Connection(our_role=h11.CLIENT)
    parser.send(h11.Request(method=method, target="/", headers=[("host", "test")]))
    parser.send(h11.EndOfMessage())
    return parser


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Wire]:
    address = urlsplit(url)
    with socket.socket() as connection:
        connection.settimeout(0)  # asyncio does the waiting
        where = (address.hostname, address.port)
        await asyncio.get_running_loop().sock_connect(connection, where)
        yield Wire(connection)


def request(
    method: str,
    target: str,
    headers: Iterable[Field] = (),
    body: bytes | None = None,
    *,
    host: str = "test",
) -> bytes:
    """Spell a request; a body brings its Content-Length unless `headers` say how long it is."""
    fields = [(_octets(name), _octets(value)) for name, value in headers]
    named = {name.lower() for name, _ in fields}
    if b"host" not in named:
        fields.insert(0, (b"host", host.encode()))
    if body is not None and named.isdisjoint({b"content-length", b"transfer-encoding"}):
        fields.append((b"content-length", b"%d" % len(body)))
    lines = [f"{method} {target} HTTP/1.1".encode(), *(b": ".join(field) for field in fields)]
    return b"\r\n".join([*lines, b"", body or b""])


def chunked(*chunks: bytes) -> bytes:
    """Spell a whole body in chunks (RFC 9112, section 7.1)."""
    return b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in (*chunks, b""))


def _octets(text: bytes | str) -> bytes:
    return text if isinstance(text, bytes) else text.encode()
