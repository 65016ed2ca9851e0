"""What else a request may be wrong in, though a parser takes it: two servers could read two of it.

Each is refused before anything else is looked at, and nothing after it on its connection is read.
"""

import pytest

from tests.contracts import oracles, wire
from tests.contracts.people import Person

JSON = ("content-type", "application/json")
GOOD = b'{"title":"Buy milk"}'
NEXT = wire.request("GET", "/livez")

# The head -------------------------------------------------------------------------------

LINE, HOST = b" HTTP/1.1\r\n", b"host: test\r\n"
MISFORMED = {
    "no Host": LINE,
    "two Hosts": LINE + HOST + b"host: other\r\n",
    "two Hosts in HTTP/1.0": b" HTTP/1.0\r\n" + HOST + b"Host: other\r\n",
    "one Host twice": LINE + HOST + HOST,
    "no version": b"\r\n" + HOST,
    "HTTP/0.9": b" HTTP/0.9\r\n" + HOST,
    "HTTP/2.0": b" HTTP/2.0\r\n" + HOST,
}


@pytest.mark.parametrize("start", MISFORMED.values(), ids=MISFORMED)
async def test_g_12_misformed_head_is_refused(user: Person, start: bytes) -> None:
    """Before the route, the token and the body; and what comes next is not read."""
    asked = [
        ("POST", user.tasks, [user.authorization, JSON], GOOD),
        ("GET", user.tasks, [], None),
        ("GET", "/nowhere", [], None),
        ("GET", "/livez", [], None),
        ("GET", f"/{'a' * 9000}", [], None),
    ]

    for method, target, headers, body in asked:
        octets = wire.request(method, target, headers, body).replace(LINE + HOST, start)
        await refused_with_its_connection(user, octets)
    assert await user.listed() == []


@pytest.mark.parametrize(
    "start",
    [b" HTTP/1.0\r\n", b" HTTP/1.0\r\n" + HOST, LINE + b"host:\r\n", LINE + b"HOST: [::1]:1\r\n"],
    ids=repr,
)
async def test_sound_head_is_served(user: Person, start: bytes) -> None:
    """HTTP/1.0 knows no Host, and who has no name to give sends an empty one (RFC 9112, 3.2)."""
    octets = wire.request("GET", user.tasks, [user.authorization]).replace(LINE + HOST, start)

    async with wire.connected(user.deployment.url) as connection:
        response = await connection.exchange(octets)

    assert response.status_code == 200
    oracles.check(response, user.driver)


# The body's framing ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "codings"),
    [
        ("1.1", ["gzip, chunked"]),
        ("1.1", ["gzip", "chunked"]),
        ("1.1", ["identity, chunked"]),
        ("1.1", [", chunked"]),
        ("1.0", ["chunked"]),
    ],
)
async def test_body_in_an_unknown_coding_is_refused(
    user: Person, version: str, codings: list[str]
) -> None:
    """Chunks are all that is undone. What else a body says to be in, another server may read."""
    octets = created(user)
    lines = "".join(f"transfer-encoding: {coding}\r\n" for coding in codings)
    octets = octets.replace(b"transfer-encoding: chunked\r\n", lines.encode())
    octets = octets.replace(b"HTTP/1.1", f"HTTP/{version}".encode())

    await refused_with_its_connection(user, octets)

    assert await user.listed() == []


async def test_chunks_are_known_in_any_case(user: Person) -> None:
    """Names of codings are compared without regard to it (RFC 9112, section 7)."""
    octets = created(user).replace(b": chunked", b": Chunked")
    async with wire.connected(user.deployment.url) as connection:
        response = await connection.exchange(octets)

    assert response.status_code == 201
    assert connection.is_open


async def refused_with_its_connection(user: Person, octets: bytes) -> None:
    """Hold that it is no request, and that nothing behind it is read."""
    async with wire.connected(user.deployment.url) as connection:
        response = await connection.exchange(octets + NEXT)
        assert not connection.is_open
        assert await connection.is_closed_by_server()
    user.refused(response, user.driver.refusals.malformed)


def created(user: Person) -> bytes:
    """Spell a creation in chunks."""
    headers = [user.authorization, JSON, ("transfer-encoding", "chunked")]
    return wire.request("POST", user.tasks, headers, wire.chunked(GOOD[:5], GOOD[5:]))
