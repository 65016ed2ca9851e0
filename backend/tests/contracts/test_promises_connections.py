"""Addresses, methods and connections: what a client library does without being told."""

import asyncio
import io
import json
from typing import Any

import httpx
import pytest

from tests.contracts import oracles, wire
from tests.contracts.people import Person

JSON = ("content-type", "application/json")


# Addresses ------------------------------------------------------------------------------


async def test_trailing_slash_is_served_as_if_it_were_not_there(user: Person) -> None:
    """A redirect would make some clients drop the Authorization header."""
    task = await user.given_task()
    asked = [
        await user.client.get(f"{user.tasks}/"),
        await user.client.get(f"{user.tasks}/?x=1"),
        await user.client.get(f"{user.path(task)}/"),
        await user.client.put(f"{user.path(task)}/", json={"title": "Buy oat milk"}),
        await user.client.patch(f"{user.completion(task)}/"),
        await user.client.post(f"{user.tasks}/", json={"title": "Buy bread"}),
        await user.client.delete(f"{user.path(task)}/"),
        await user.client.get("/health/"),
        await user.client.get("/docs/"),
    ]

    statuses = [response.status_code for response in asked]
    assert statuses == [200, 200, 200, 200, 200, 201, user.driver.deleted_status, 200, 200]
    assert asked[0].content == asked[1].content
    assert asked[5].headers["location"].rpartition("/")[0] == user.tasks


@pytest.mark.parametrize(
    "path",
    ["/api", "/api/", "//api/u/tasks", "/api//tasks", "{tasks}//", "{tasks}/1//", "{tasks}/1/x"],
)
async def test_other_addresses_are_not_found(user: Person, path: str) -> None:
    """Nothing is guessed, resolved or redirected."""
    response = await user.client.get(path.format(tasks=user.tasks), follow_redirects=False)

    user.refused(response, user.driver.refusals.no_route)


async def test_dot_segments_are_not_resolved(user: Person) -> None:
    """A path that a proxy may read in another way leads nowhere."""
    parent, _, last = user.tasks.rpartition("/")
    for path in (f"{parent}/./{last}", f"{parent}/x/../{last}", f"/../..{user.tasks}"):
        octets = wire.request("GET", path, [user.authorization])
        async with wire.connected(user.deployment.url) as connection:
            response = await connection.exchange(octets)
        user.refused(response, user.driver.refusals.no_route)


async def test_host_is_not_believed(user: Person) -> None:
    """No answer repeats the Host header, be it somebody else's, nonsense or empty."""
    for host in ("evil.example", "localhost:1@evil.example", "", "a b"):
        for path in (user.tasks, "/", "/docs", "/openapi.json"):
            octets = wire.request("GET", path, [user.authorization], host=host)
            async with wire.connected(user.deployment.url) as connection:
                response = await connection.exchange(octets)
            assert response.status_code == 200
            assert "evil.example" not in f"{response.headers}{response.text}"


@pytest.mark.parametrize("accept", ["application/xml", "*/*;q=0", "application/json;q=0", "x"])
async def test_answers_are_json_whatever_is_accepted(user: Person, accept: str) -> None:
    """There is one form, and 406 would help nobody."""
    response = await user.client.get(user.tasks, headers={"accept": accept})

    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"


# Methods --------------------------------------------------------------------------------


async def test_head_is_get_without_the_content(user: Person) -> None:
    """The headers are the same, the length of what is not sent among them."""
    task = await user.given_task()
    for path in (user.tasks, user.path(task), f"{user.tasks}/0", "/nowhere", "/docs", "/"):
        get, head = await user.client.get(path), await user.client.head(path)

        assert head.content == b""
        assert head.status_code == get.status_code
        assert own_headers(head) == own_headers(get)


def own_headers(response: httpx.Response) -> dict[str, str]:
    return {k: v for k, v in response.headers.items() if k not in {"x-request-id", "date"}}


async def test_options_needs_no_token_and_no_database(user: Person) -> None:
    """204 with Allow, whoever asks."""
    for path in (user.tasks, f"{user.tasks}/1", "/", "/health"):
        async with wire.connected(user.deployment.url) as connection:
            response = await connection.exchange(wire.request("OPTIONS", path), method="OPTIONS")

        assert response.status_code == 204
        assert "OPTIONS" in response.headers["allow"]
        oracles.check(response, user.driver)


# Connections ----------------------------------------------------------------------------

LARGE = b'{"title":"Buy milk"}'.ljust(60_000)
WRONG = b'{"title":5}'.ljust(60_000)


def refused_requests(user: Person) -> dict[str, tuple[bytes, int]]:
    """Spell one request for each kind of refusal, with bodies that nobody has read."""
    auth, invalid = user.authorization, user.driver.refusals.wrong_format.status
    chunks = wire.chunked(LARGE[:30_000], LARGE[30_000:])
    in_chunks = ("transfer-encoding", "chunked")
    build = wire.request
    return {
        "malformed": (build("POST", user.tasks, [auth, JSON], b"{"), 400),
        "no token": (build("POST", user.tasks, [JSON], LARGE), 401),
        "no token, in chunks": (build("POST", user.tasks, [JSON, in_chunks], chunks), 401),
        "no route": (build("POST", "/nowhere", [auth, JSON], LARGE), 404),
        "no task": (build("PUT", f"{user.tasks}/0", [auth, JSON], LARGE), 404),
        "no method": (build("PATCH", user.tasks, [auth, JSON], LARGE), 405),
        "no method, in chunks": (build("PATCH", user.tasks, [JSON, in_chunks], chunks), 405),
        "too large": (build("POST", user.tasks, [auth, JSON], LARGE * 2), 413),
        "too long": (build("GET", f"{user.tasks}?{'a' * 9000}", [auth]), 414),
        "media type": (build("POST", user.tasks, [auth], LARGE), 415),
        "invalid": (build("POST", user.tasks, [auth, JSON], WRONG), invalid),
        "large headers": (build("GET", user.tasks, [auth, ("x-large", "a" * 40_000)]), 431),
    }


async def test_connection_outlives_every_refusal(user: Person) -> None:
    """After a refusal the next request is answered, or the end was announced and comes."""
    for name, (octets, status) in refused_requests(user).items():
        async with wire.connected(user.deployment.url) as connection:
            response = await connection.exchange(octets)
            assert response.status_code == status, name
            oracles.check(response, user.driver)
            assert connection.is_open == (status != 413)
            if not connection.is_open:
                assert await connection.is_closed_by_server()
                continue
            again = await connection.exchange(wire.request("GET", user.tasks, [user.authorization]))
            assert again.status_code == 200, name


async def test_one_connection_takes_them_all(user: Person) -> None:
    """All refusals that don't end it, one after the other, on one connection."""
    async with wire.connected(user.deployment.url) as connection:
        for octets, status in refused_requests(user).values():
            if status != 413:
                assert (await connection.exchange(octets)).status_code == status
        created = await connection.exchange(
            wire.request("POST", user.tasks, [user.authorization, JSON], b'{"title":"Buy milk"}')
        )

    assert created.status_code == 201
    assert len(await user.listed()) == 1


async def test_whoever_has_said_all_is_answered(user: Person) -> None:
    """A client may end its side when its request is out (RFC 9112, section 9.6)."""
    create = wire.request("POST", user.tasks, [user.authorization, JSON], b'{"title":"Buy milk"}')
    asked = [(create, 201), (wire.request("GET", user.tasks, [user.authorization]), 200)]

    for octets, status in [*asked, *refused_requests(user).values()]:
        async with wire.connected(user.deployment.url) as connection:
            await connection.send(octets)
            connection.send_no_more()
            response = await connection.read()
            assert await connection.is_closed_by_server()
        assert response.status_code == status
        oracles.check(response, user.driver)

    assert len(await user.listed()) == 1


async def test_pipelined_requests_are_answered_in_order(user: Person) -> None:
    """A client need not wait for one answer to send the next request (RFC 9112, section 9.3.2)."""
    auth = user.authorization
    requests = [
        ("POST", wire.request("POST", user.tasks, [auth, JSON], b'{"title":"first"}')),
        ("GET", wire.request("GET", user.tasks)),
        ("POST", wire.request("POST", user.tasks, [JSON], LARGE)),
        ("HEAD", wire.request("HEAD", user.tasks, [auth])),
        ("POST", wire.request("POST", user.tasks, [auth, JSON], b'{"title":"second"}')),
        ("GET", wire.request("GET", "/nowhere")),
        ("GET", wire.request("GET", user.tasks, [auth])),
    ]
    async with wire.connected(user.deployment.url) as connection:
        await connection.send(b"".join(octets for _, octets in requests))
        answers = [await connection.read(method) for method, _ in requests]

    assert [answer.status_code for answer in answers] == [201, 401, 401, 200, 201, 404, 200]
    titles = [task["title"] for task in user.driver.tasks_of(answers[-1].json())]
    assert titles == ["second", "first"]


async def test_client_that_leaves_does_no_harm(user: Person) -> None:
    """A body that stops in its middle ends that request alone: no task, and no defect of ours."""
    log = user.deployment.served.log
    for number, body in enumerate((b"", b'{"title":"Buy')):
        name = f"{user.user_id}-{number}"
        headers = [user.authorization, JSON, ("content-length", "1000"), ("x-request-id", name)]
        async with wire.connected(user.deployment.url) as connection:
            await connection.send(wire.request("POST", user.tasks, headers, body))
        [line] = await lines_about(name, log)
        assert line["level"] == "info"

    assert await user.listed() == []


async def lines_about(request_id: str, log: io.StringIO) -> list[dict[str, Any]]:
    """Wait for the log to say how a request ended."""
    for _ in range(1000):
        lines = [line for line in log.getvalue().splitlines() if f'"{request_id}"' in line]
        if lines:
            return [json.loads(line) for line in lines]
        await asyncio.sleep(0.005)
    raise AssertionError


async def test_slow_body_is_waited_for(user: Person) -> None:
    """A request in many small pieces is the same request."""
    octets = wire.request("POST", user.tasks, [user.authorization, JSON], b'{"title":"Buy milk"}')
    async with wire.connected(user.deployment.url) as connection:
        for at in range(0, len(octets), 40):
            await connection.send(octets[at : at + 40])
            await asyncio.sleep(0)
        response = await connection.read()

    assert response.status_code == 201
