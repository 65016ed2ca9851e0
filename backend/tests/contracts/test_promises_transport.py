"""What comes before the contract: bytes that are too many, and bytes that are no request."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from tests.contracts import oracles, wire
from tests.contracts.people import Person

MEBIBYTE = 1024 * 1024
CHUNKED = ("transfer-encoding", "chunked")


async def pieces(count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield b" " * MEBIBYTE


@pytest.mark.parametrize("is_chunked", [False, True])
async def test_refusal_of_a_large_upload_arrives(user: Person, *, is_chunked: bool) -> None:
    """A client that sends it all before it reads still learns why, and is not cut off."""
    content = pieces(20) if is_chunked else b" " * MEBIBYTE * 20
    response = await user.client.post(
        user.tasks, content=content, headers={"content-type": "application/json"}
    )

    user.refused(response, user.driver.refusals.too_large)


async def test_chunks_are_counted_where_nobody_reads_them(user: Person) -> None:
    """The limit comes first: before the route, the token and the deletion."""
    task = await user.given_task()
    body = wire.chunked(b" " * (64 * 1024 + 1))
    asked = [
        ("DELETE", user.path(task), [user.authorization, CHUNKED]),
        ("GET", user.tasks, [CHUNKED]),
        ("POST", "/nowhere", [user.authorization, CHUNKED]),
    ]

    for method, path, headers in asked:
        async with wire.connected(user.deployment.url) as connection:
            response = await connection.exchange(wire.request(method, path, headers, body))
        user.refused(response, user.driver.refusals.too_large)
    assert await user.read(task) == task


@pytest.mark.parametrize(
    "octets",
    [
        b"FOO / HTTP/1.1\r\nhost: x\r\n\r\n",
        b"get / HTTP/1.1\r\nhost: x\r\n\r\n",
        b"GET  HTTP/1.1\r\nhost: x\r\n\r\n",
        b"GET /a b HTTP/1.1\r\nhost: x\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nhost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: x\r\nx: a\x00b\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: abc\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
    ids=lambda octets: repr(octets[:40]),
)
async def test_what_is_no_request_is_refused_in_form(user: Person, octets: bytes) -> None:
    """Such bytes get the contract's error, the headers and the log line of any other refusal."""
    log = user.deployment.served.log
    written = log.tell()

    async with wire.connected(user.deployment.url) as connection:
        response = await connection.exchange(octets)
        assert await connection.is_closed_by_server()

    assert response.status_code == 400
    oracles.check(response, user.driver)
    assert user.driver.code_of(response.json()) == user.driver.refusals.malformed.code
    lines = [json.loads(line) for line in log.getvalue()[written:].splitlines()]
    (line,) = [line for line in lines if "request_id" in line]
    assert line["request_id"] == response.headers["x-request-id"]


async def test_upgrade_is_ignored_in_silence(user: Person) -> None:
    """A client that offers another protocol is served in this one, and fills no log."""
    log = user.deployment.served.log
    written = log.tell()
    headers = [user.authorization, ("connection", "upgrade"), ("upgrade", "websocket")]

    async with wire.connected(user.deployment.url) as connection:
        response = await connection.exchange(wire.request("GET", user.tasks, headers))

    assert response.status_code == 200
    assert len(log.getvalue()[written:].splitlines()) == 1


HEAD = b"GET / HTTP/1.1\r\nhost: x\r\nx: "
ADDRESS, LONG = b"GET /", b"a" * 300_000


@pytest.mark.parametrize(
    ("parts", "refusal"),
    [
        ([ADDRESS + LONG], "target_too_long"),
        ([ADDRESS, LONG], "target_too_long"),
        ([ADDRESS + LONG[:40_000], LONG], "target_too_long"),
        ([ADDRESS + LONG[:40_000], LONG[:10_000] + b" HTTP/1.1\r\n"], "target_too_long"),
        ([HEAD + LONG], "headers_too_large"),
        ([HEAD, LONG], "headers_too_large"),
        ([ADDRESS, b" HTTP/1.1\r\nx: " + LONG], "headers_too_large"),
        ([ADDRESS + b" HTTP/1.1", b"\r\nx: " + LONG], "headers_too_large"),
        ([HEAD + LONG[:40_000], b"\r\nx: " + LONG], "headers_too_large"),
        ([HEAD, b"\r\nx: a" * 100], "headers_too_large"),
        ([HEAD, b"\r\nx: a" * 7_000], "headers_too_large"),
    ],
)
async def test_large_head_is_refused_for_the_same_in_pieces(
    user: Person, parts: list[bytes], refusal: str
) -> None:
    """Where the network cuts a request does not decide what is wrong with it."""
    async with wire.connected(user.deployment.url) as connection:
        for part in parts:
            await connection.send(part)
            await asyncio.sleep(0.05)  # so that they come as several reads
        response = await connection.read()

    user.refused(response, getattr(user.driver.refusals, refusal))
