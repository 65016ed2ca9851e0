"""Where one request ends and the next begins: nobody may see it in another way than we do."""

import json

import pytest

from tests.contracts import wire
from tests.contracts.wire import Wire
from tests.limits.attacks import CHUNKED
from tests.limits.conftest import SEVERAL_TASKS, Scene
from todo_backend.web import answer

TASK = b'{"title":"Buy milk"}'
LIVEZ = wire.request("GET", "/livez")
SMUGGLED = wire.request("DELETE", "/smuggled")
OFFER = (("connection", "upgrade, http2-settings"), ("upgrade", "h2c"), ("http2-settings", "x"))


async def is_over(connection: Wire) -> bool:
    """Whether the connection's end was announced, and comes."""
    return not connection.is_open and await connection.is_closed_by_server()


@pytest.mark.parametrize(
    "fields",
    [
        b"content-length: 5\r\ntransfer-encoding: chunked",
        b"transfer-encoding: chunked\r\ncontent-length: 5",
        b"transfer-encoding: chunked\r\ntransfer-encoding: chunked",
        b"transfer-encoding: chunked, identity",
        b"transfer-encoding: xchunked",
        b"transfer-encoding : chunked",
        b"transfer-encoding:",
        b"content-length: 5\r\ncontent-length: 5",
        b"content-length: 5, 5",
        b"content-length: +5",
        b"content-length:",
        b"x: a\r\n content-length: 5",
        b"x: a\rcontent-length: 5",
        b"x: a\ncontent-length: 5",
    ],
    ids=repr,
)
async def test_g_12_ambiguous_lengths_end_the_connection(scene: Scene, fields: bytes) -> None:
    """Two servers could see two bodies in it: it is refused, and nothing after it is read."""
    octets = b"POST / HTTP/1.1\r\nhost: x\r\n" + fields + b"\r\n\r\n0\r\n\r\n"

    async with wire.connected(scene.url) as connection:
        response = await connection.exchange(octets + SMUGGLED)
        assert await is_over(connection)

    assert response.status_code == 400
    assert response.json()["code"] == "VALIDATION_ERROR"
    assert "smuggled" not in scene.served.log.getvalue()


@pytest.mark.parametrize("is_chunked", [False, True])
async def test_g_12_offer_of_another_protocol_keeps_the_body(
    scene: Scene, *, is_chunked: bool
) -> None:
    """A body is its request's, wherever the pieces end in which it comes; so is what follows."""
    body = b'{"title":"Buy milk"}' + SMUGGLED
    framing = (CHUNKED,) if is_chunked else (("content-length", str(len(body))),)
    octets = scene.request(
        "POST", *OFFER, *framing, body=wire.chunked(body) if is_chunked else body
    )
    octets += LIVEZ

    for at in (*range(len(octets) - len(LIVEZ) - len(body) - 20, len(octets), 3), 0):
        async with wire.connected(scene.url) as connection:
            await connection.send(octets[:at])
            refused = await connection.exchange(octets[at:])
            alive = await connection.read()
        assert refused.status_code == 400  # a task and something else is no JSON
        assert alive.json() == {"status": "alive"}

    assert "smuggled" not in scene.served.log.getvalue()


async def test_offer_of_another_protocol_is_no_obstacle(scene: Scene) -> None:
    """Java's client makes one with its first request, whatever that is."""
    async with wire.connected(scene.url) as connection:
        created = await connection.exchange(scene.request("POST", *OFFER, body=TASK))
        again = await connection.exchange(scene.request("POST", *OFFER, body=TASK))

    assert [created.status_code, again.status_code] == [201, 201]
    assert again.json()["id"] > created.json()["id"]


async def test_tunnel_is_refused_with_its_connection(scene: Scene) -> None:
    """What comes after CONNECT is a body to some and a request to others."""
    octets = wire.request("CONNECT", "/", [("content-length", str(len(SMUGGLED)))]) + SMUGGLED

    async with wire.connected(scene.url) as connection:
        response = await connection.exchange(octets)
        assert await is_over(connection)

    assert response.status_code == 405
    assert "smuggled" not in scene.served.log.getvalue()


async def test_trailers_are_no_headers(scene: Scene) -> None:
    """A proxy that has looked at the headers has not seen them (RFC 9110, section 6.5.1)."""
    name, value = scene.authorization
    body = wire.chunked(TASK).removesuffix(b"\r\n") + f"{name}: {value}\r\n\r\n".encode()
    octets = wire.request(
        "POST", scene.tasks, [("content-type", "application/json"), CHUNKED], body
    )

    async with wire.connected(scene.url) as connection:
        response = await connection.exchange(octets)
        alive = await connection.exchange(LIVEZ)

    assert (response.status_code, alive.status_code) == (401, 200)


async def test_old_clients_get_no_chunks(scene: Scene) -> None:
    """In HTTP/1.0 the end of the connection is the end of a list of unknown length."""
    octets = scene.request("GET").replace(b"HTTP/1.1", b"HTTP/1.0")

    async with wire.connected(scene.url) as connection:
        response = await connection.exchange(octets)
        assert not connection.is_open

    assert "transfer-encoding" not in response.headers
    found = json.loads(response.content)
    assert len(found["tasks"]) == found["count"] >= SEVERAL_TASKS


@pytest.mark.parametrize("path", ["/livez", "/nowhere"])
async def test_old_clients_get_short_answers_as_ever(scene: Scene, path: str) -> None:
    """With a length, and without keeping the connection."""
    octets = wire.request("GET", path).replace(b"HTTP/1.1", b"HTTP/1.0")

    async with wire.connected(scene.url) as connection:
        response = await connection.exchange(octets)
        assert await is_over(connection)

    assert int(response.headers["content-length"]) == len(response.content)


async def test_pieces_make_no_difference(scene: Scene) -> None:
    """Requests that are sent without waiting are answered alike, wherever the pieces end."""
    missing = wire.request("PUT", f"{scene.tasks}/0", [scene.authorization], b"\r\n\r\n" + LIVEZ)
    chunks = wire.request("POST", "/nowhere", [CHUNKED], wire.chunked(b"\r\n", b"\r\n\r\n0\r\n"))
    octets = LIVEZ + missing + chunks + LIVEZ + wire.request("HEAD", "/livez")

    for at in range(0, len(octets), 2):
        async with wire.connected(scene.url) as connection:
            await connection.send(octets[:at])
            await connection.send(octets[at:])
            answers = [await connection.read() for _ in range(4)]
            answers.append(await connection.read("HEAD"))
        assert [each.status_code for each in answers] == [200, 415, 404, 200, 200]


@pytest.mark.parametrize("is_chunked", [False, True])
async def test_g_12_refusal_of_a_whole_body_ends_at_once(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, *, is_chunked: bool
) -> None:
    """There is nothing to wait for once all of it is there."""
    monkeypatch.setattr(answer, "LINGER_SECONDS", 600)
    body = b" " * 70_000
    octets = scene.request("POST", CHUNKED, body=wire.chunked(body))
    if not is_chunked:
        octets = scene.request("POST", body=body)

    async with wire.connected(scene.url) as connection:
        response = await connection.exchange(octets)
        assert await is_over(connection)

    assert response.status_code == 413


async def test_whoever_has_said_all_has_all_answers(scene: Scene) -> None:
    """What came whole is answered, a long list too; then the connection ends."""
    octets = LIVEZ + scene.request("GET") + scene.request("POST", body=TASK) + LIVEZ

    for rest in (b"", scene.request("POST", body=TASK)[:-1]):
        async with wire.connected(scene.url) as connection:
            await connection.send(octets + rest)
            connection.send_no_more()
            answers = [await connection.read() for _ in range(4)]
            assert await connection.is_closed_by_server()
        assert [each.status_code for each in answers] == [200, 200, 201, 200]
        assert answers[1].json()["count"] >= SEVERAL_TASKS


@pytest.mark.parametrize("is_chunked", [False, True])
@pytest.mark.parametrize("at", [0, 20, -1])
async def test_whoever_ends_before_has_no_answer(
    scene: Scene, at: int, *, is_chunked: bool
) -> None:
    """A request that is not there to its end is none, and does nothing."""
    octets = scene.request("POST", body=TASK)
    if is_chunked:
        octets = scene.request("POST", CHUNKED, body=wire.chunked(TASK))
    before = await count(scene)

    async with wire.connected(scene.url) as connection:
        await connection.send(octets[:at])
        connection.send_no_more()
        assert await connection.is_closed_by_server()

    assert await count(scene) == before


async def count(scene: Scene) -> int:
    async with wire.connected(scene.url) as connection:
        listed = await connection.exchange(scene.request("GET"))
    found: int = listed.json()["count"]
    return found


async def test_many_headers_are_too_large(scene: Scene) -> None:
    """As many as proxies and browsers send are none too many."""
    for number, status in ((90, 200), (101, 431)):
        octets = scene.request("GET", *[(f"x-{each}", "a") for each in range(number)])
        async with wire.connected(scene.url) as connection:
            response = await connection.exchange(octets)
            alive = await connection.exchange(LIVEZ)
        assert (response.status_code, alive.status_code) == (status, 200)
