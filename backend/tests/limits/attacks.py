"""What clients do that mean a server ill: each attack goes on until it has had its effect."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from tests.contracts import wire
from tests.contracts.wire import Wire

MEBIBYTE: Final = 1024 * 1024
CROWD: Final = 800
MANY: Final = 3000
READERS: Final = 300
# How long a crowd stays once it is there: several rounds of whoever watches.
STAY_SECONDS: Final = 2.0
_RECEIVE_BYTES: Final = 16 * 1024
JSON: Final = ("content-type", "application/json")
CHUNKED: Final = ("transfer-encoding", "chunked")


@dataclass(frozen=True, slots=True)
class Target:
    """A server, and a user of it whose list is long."""

    url: str
    tasks: str
    authorization: tuple[str, str]

    def head(self, method: str = "POST", *headers: wire.Field) -> bytes:
        return wire.request(method, self.tasks, [self.authorization, JSON, *headers])


Attack = Callable[[Target], Awaitable[set[int]]]
"""Returns the statuses of the answers that it got; 0 where a connection ended without one."""


@asynccontextmanager
async def crowd(url: str, count: int, *, reads: bool = True) -> AsyncIterator[list[Wire]]:
    """Connect so often; who does not read leaves as much as possible with the server."""
    place = urlsplit(url)
    loop = asyncio.get_running_loop()
    async with AsyncExitStack() as stack:
        found = []
        for _ in range(count):
            connection = stack.enter_context(socket.socket())
            if not reads:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BYTES)
            connection.settimeout(0)
            await loop.sock_connect(connection, (place.hostname, place.port))
            found.append(Wire(connection))
        yield found


async def status_of(connection: Wire, octets: bytes) -> int:
    try:
        return (await connection.exchange(octets)).status_code
    except ConnectionError:
        return 0


async def sent_on(target: Target, head: bytes, part: bytes, count: int) -> set[int]:
    """Send a head and then a part so often, before reading."""
    async with crowd(target.url, 1) as [connection]:
        await connection.send(head)
        for _ in range(count):
            await connection.send(part)
        return {await status_of(connection, b"")}


async def stayed(target: Target, octets: bytes, *, count: int = CROWD) -> set[int]:
    """Have a crowd send the same and stay."""
    async with crowd(target.url, count) as connections:
        for connection in connections:
            await connection.send(octets)
        await asyncio.sleep(STAY_SECONDS)
    return set()


async def answered(target: Target, requests: Iterable[bytes], *, crowd_of: int = 1) -> set[int]:
    """Have everybody of a crowd send each request, over a new connection, and read the answer."""
    found = set()
    for octets in requests:
        async with crowd(target.url, crowd_of) as connections:
            found.update(await asyncio.gather(*(status_of(each, octets) for each in connections)))
    return found


def chunk(octets: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(octets), octets)


def body(text: str | bytes) -> Callable[[Target], bytes]:
    octets = text.encode() if isinstance(text, str) else text
    return lambda target: target.head("POST", ("content-length", str(len(octets)))) + octets


# Too much ---------------------------------------------------------------------------------


async def body_of_200_mb(target: Target) -> set[int]:
    head = target.head("POST", ("content-length", str(200 * MEBIBYTE)))
    return await sent_on(target, head, b" " * MEBIBYTE, 200)


async def body_of_200_mb_in_chunks(target: Target) -> set[int]:
    return await sent_on(target, target.head("POST", CHUNKED), chunk(b" " * MEBIBYTE), 200)


async def body_of_200_mb_of_blank_lines(target: Target) -> set[int]:
    part = chunk(b"\r\n\r\n" * (MEBIBYTE // 4))
    return await sent_on(target, target.head("POST", CHUNKED), part, 200)


async def header_of_60_mb_in_a_line(target: Target) -> set[int]:
    head = target.head("GET").removesuffix(b"\r\n") + b"x: "
    return await sent_on(target, head, b"a" * MEBIBYTE, 60)


async def header_of_60_mb_in_lines(target: Target) -> set[int]:
    head = target.head("GET").removesuffix(b"\r\n")
    return await sent_on(target, head, b"x: abcdefghijk\r\n" * (MEBIBYTE // 16), 60)


async def address_of_60_mb(target: Target) -> set[int]:
    return await sent_on(target, b"GET /", b"a" * MEBIBYTE, 60)


async def trailers_of_60_mb(target: Target) -> set[int]:
    head = target.head("POST", CHUNKED) + b"2\r\n{}\r\n0\r\n"
    return await sent_on(target, head, b"x: abcdefghijk\r\n" * (MEBIBYTE // 16), 60)


async def extension_of_60_mb(target: Target) -> set[int]:
    return await sent_on(target, target.head("POST", CHUNKED) + b"1;", b"a" * MEBIBYTE, 60)


async def pipelined(target: Target) -> set[int]:
    """Ten thousand in one go, twenty times over; who has answers unread does not get more."""
    octets = wire.request("GET", "/livez") * 10_000

    async def go(connection: Wire) -> None:
        sending = asyncio.create_task(connection.send(octets))
        for _ in range(10_000):
            assert (await connection.read()).status_code == 200
        await sending

    async with crowd(target.url, 4) as connections:
        await asyncio.gather(*map(go, connections))
    return {200}


# Too many ---------------------------------------------------------------------------------


async def half_open_with_a_request_line(target: Target) -> set[int]:
    return await stayed(target, b"GET / HTTP/1.1\r\n")


async def half_open_with_40_kb_of_headers(target: Target) -> set[int]:
    return await stayed(target, target.head("GET", ("x", "a" * 40_000)).removesuffix(b"\r\n"))


async def half_open_with_15_kb_of_small_headers(target: Target) -> set[int]:
    """Each costs the server more than the octets in which it came."""
    head = target.head("POST").removesuffix(b"\r\n")
    return await stayed(target, head + b"ab:cd\r\n" * (15_000 // 7))


async def half_open_with_15_kb_of_a_body(target: Target) -> set[int]:
    """Less than what is let go first."""
    head = target.head("POST", ("content-length", "60000"))
    return await stayed(target, head + b" " * 15_000)


async def half_open_in_chunks_of_an_octet(target: Target) -> set[int]:
    """Each is a call of the parser."""
    return await stayed(target, target.head("POST", CHUNKED) + chunk(b" ") * 15_000)


async def half_open_with_small_trailers(target: Target) -> set[int]:
    head = target.head("POST", CHUNKED) + b"2\r\n{}\r\n0\r\n"
    return await stayed(target, head + b"aa:bb\r\n" * 2_000)


async def half_open_with_most_of_a_body(target: Target) -> set[int]:
    head = target.head("POST", ("content-length", "60000"))
    return await stayed(target, head + b" " * 59_999)


async def half_open_and_dribbling(target: Target) -> set[int]:
    async with crowd(target.url, CROWD) as connections:
        for connection in connections:
            await connection.send(b"GET / HTTP/1.1\r\n")
        for number in range(5):
            for connection in connections:
                await connection.send(b"x-%d: a\r\n" % number)
            await asyncio.sleep(STAY_SECONDS / 5)
    return set()


async def silent(target: Target) -> set[int]:
    return await stayed(target, b"", count=MANY)


async def slow_readers(target: Target) -> set[int]:
    return await unread(target, READERS, at_once=READERS)


async def many_slow_readers(target: Target) -> set[int]:
    """They come within a second: to begin so many at once keeps two busy cores longer than that."""
    return await unread(target, CROWD, at_once=CROWD // 10)


async def unread(target: Target, count: int, *, at_once: int) -> set[int]:
    """Have a crowd ask for a list, so many at once, and read nothing of it."""
    async with crowd(target.url, count, reads=False) as connections:
        for first in range(0, count, at_once):
            for connection in connections[first : first + at_once]:
                await connection.send(target.head("GET"))
            await asyncio.sleep(at_once / count)
        await asyncio.sleep(4 * STAY_SECONDS)
    return set()


async def large_bodies_at_once(target: Target) -> set[int]:
    octets = body(json.dumps({"title": "Buy milk"}).ljust(64_000))(target)
    return await answered(target, [octets], crowd_of=300)


# Too clever -------------------------------------------------------------------------------

PLAIN_JSON: Final = {
    "deep": "[" * 65_000,
    "deep objects": '{"a":' * 13_000,
    "8,000 keys": "{" + ",".join(f'"{n:03x}":0' for n in range(8000)) + "}",
    "10,000 keys": "{" + ",".join(f'"{n:04}":0' for n in range(10_000)) + "}",
    "keys of one hash": "{" + ",".join(f'"{"a" * (n % 3)}{n}":0' for n in range(7000)) + "}",
    "a huge number": '{"title":' + "9" * 64_000 + "}",
    "a huge exponent": '{"title":1e' + "9" * 64_000 + "}",
    "escapes": '{"title":"' + "\\u0000" * 10_000 + '"}',
}


async def json_that_hurts(target: Target) -> set[int]:
    requests = [body(text)(target) for text in PLAIN_JSON.values()]
    return await answered(target, requests * 20, crowd_of=4)


async def other_protocols(target: Target) -> set[int]:
    tls = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500)
    http2 = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"
    found = await answered(target, [tls], crowd_of=200)
    return found | await answered(target, [http2], crowd_of=200)
