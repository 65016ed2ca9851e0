"""CORS: the front ends that the settings name can read every answer, and no other page can."""

from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from tests.contracts import oracles
from tests.contracts.drivers import Driver
from tests.contracts.people import Deployment, Person
from tests.support.client import client_for
from tests.support.server import ORIGIN, Served, environment, serving
from todo_backend.database.embedded import EmbeddedPostgres

METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
REQUEST_HEADERS = {
    "authorization",
    "content-type",
    "if-match",
    "if-none-match",
    "idempotency-key",
    "x-request-id",
}
STRANGE_ORIGINS = [
    "https://evil.example",
    "http://localhost:3000.evil.example",
    "http://evil.example/http://localhost:3000",
    "http://localhost:30001",
    "http://localhost",
    "https://localhost:3000",
    "http://LOCALHOST:3000",
    "http://localhost:3000/",
    "http://localhost:3000, http://localhost:3001",
    "http://127.0.0.1:3000",
    "null",
    "*",
    "",
]
JSON = {"content-type": "application/json"}


async def preflight(
    client: httpx.AsyncClient, path: str, origin: str, method: str, *headers: str
) -> httpx.Response:
    asked = {"origin": origin, "access-control-request-method": method}
    if headers:
        asked["access-control-request-headers"] = ",".join(headers)
    return await client.options(path, headers=asked)


async def test_front_end_reads_every_answer(user: Person, nobody: httpx.AsyncClient) -> None:
    """A refusal that the page can't read would look like a broken network."""
    task = await user.given_task()
    calls = [
        (user.client, "GET", user.tasks, {}, None, 200),
        (user.client, "HEAD", user.tasks, {}, None, 200),
        (user.client, "GET", user.path(task), {"if-none-match": "*"}, None, 304),
        (user.client, "POST", user.tasks, JSON, b'{"title":"Buy milk"}', 201),
        (user.client, "POST", user.tasks, JSON, b"{", 400),
        (nobody, "GET", user.tasks, {}, None, 401),
        (user.client, "GET", f"{user.tasks}/0", {}, None, 404),
        (nobody, "GET", "/nowhere", {}, None, 404),
        (user.client, "DELETE", user.tasks, {}, None, 405),
        (user.client, "PUT", user.path(task), JSON | {"if-match": '"x"'}, b'{"title":"x"}', 412),
        (user.client, "POST", user.tasks, JSON, b" " * 65_537, 413),
        (user.client, "GET", f"{user.tasks}?{'a' * 9000}", {}, None, 414),
        (user.client, "POST", user.tasks, {}, b"{}", 415),
        (user.client, "POST", user.tasks, JSON, b"{}", user.driver.refusals.required.status),
        (user.client, "GET", user.tasks, {"x-large": "a" * 40_000}, None, 431),
        (nobody, "GET", "/health", {}, None, 200),
    ]
    for client, method, path, headers, content, status in calls:
        response = await client.request(
            method, path, headers={**headers, "origin": ORIGIN}, content=content
        )
        assert response.status_code == status
        oracles.assert_readable(response, ORIGIN)


@pytest.mark.parametrize("origin", STRANGE_ORIGINS)
async def test_strange_page_reads_nothing(user: Person, origin: str) -> None:
    """Origins are compared as a whole. The request itself is served: the token decides."""
    answers = [
        await user.client.get(user.tasks, headers={"origin": origin}),
        await user.client.get("/nowhere", headers={"origin": origin}),
        await preflight(user.client, user.tasks, origin, "POST", "authorization"),
    ]

    assert [answer.status_code for answer in answers] == [200, 404, 400]
    assert not any("access-control-allow-origin" in answer.headers for answer in answers)
    assert all("origin" in oracles.listed(answer.headers["vary"]) for answer in answers)


@pytest.mark.parametrize("method", sorted(METHODS))
async def test_preflight_lets_a_front_end_work(user: Person, method: str) -> None:
    """Each method and header of the contracts is granted, without a token, on any path."""
    for path in (user.tasks, f"{user.tasks}/1", "/nowhere"):
        response = await preflight(user.client, path, ORIGIN, method, *REQUEST_HEADERS)

        assert response.status_code in {200, 204}
        assert response.headers["access-control-allow-origin"] == ORIGIN
        assert response.headers["access-control-allow-credentials"] == "true"
        assert oracles.listed(response.headers["access-control-allow-methods"]) == {
            name.lower() for name in METHODS
        }
        assert oracles.listed(response.headers["access-control-allow-headers"]) >= REQUEST_HEADERS
        assert "origin" in oracles.listed(response.headers["vary"])


@pytest.mark.parametrize(
    ("method", "header"), [("TRACE", "authorization"), ("get", "authorization"), ("GET", "x-admin")]
)
async def test_preflight_grants_no_more(user: Person, method: str, header: str) -> None:
    """What a contract does not use is not granted, to whatever origin."""
    response = await preflight(user.client, user.tasks, ORIGIN, method, header)

    assert response.status_code == 400
    granted = oracles.listed(response.headers["access-control-allow-methods"])
    assert method.lower() not in granted - {"get"}
    assert "x-admin" not in oracles.listed(response.headers["access-control-allow-headers"])


async def test_request_without_origin_is_no_ones(user: Person) -> None:
    """Programs send no Origin; a cache still learns that the answer depends on it."""
    response = await user.client.get(user.tasks)

    assert not any(name.startswith("access-control-") for name in response.headers)
    assert oracles.listed(response.headers["vary"]) == {"authorization", "origin"}


@pytest_asyncio.fixture(scope="module")
async def merged(driver: Driver, postgres: EmbeddedPostgres) -> AsyncIterator[Served]:
    """A deployment that names its origins in all of the three variables."""
    env = environment(
        postgres.url,
        API_CONTRACTS=driver.name,
        ALLOWED_ORIGINS="https://one.example, https://two.example:8443",
        CORS_ORIGINS="https://three.example",
        FRONTEND_URL="https://four.example",
    )
    async with serving(env) as served:
        yield served


async def test_all_three_variables_count(merged: Served, driver: Driver) -> None:
    """Origins are merged, and the default ones are gone where others are named."""
    names = ("one.example", "two.example:8443", "three.example", "four.example")
    path = Deployment(driver, merged).driver.tasks_path("somebody")

    async with client_for(merged.url) as client:
        for name in names:
            response = await client.get(path, headers={"origin": f"https://{name}"})
            assert response.status_code == 401
            oracles.assert_readable(response, f"https://{name}")
        response = await client.get(path, headers={"origin": ORIGIN})
        assert "access-control-allow-origin" not in response.headers
