"""The headers of every response. What they are is in `oracles.check`, which this file aims."""

import time
from collections.abc import AsyncIterator
from urllib.parse import unquote

import httpx
import pytest
import pytest_asyncio

from tests.contracts import oracles, wire
from tests.contracts.drivers import Driver
from tests.contracts.people import Deployment, Person, signed_in
from tests.support import tokens
from tests.support.client import client_for
from tests.support.server import SECRET, Served, environment, serving
from tests.support.users import token_for
from todo_backend.database.embedded import EmbeddedPostgres

JSON = {"content-type": "application/json"}


async def one_of_each(url: str, user: Person, origin: str) -> dict[str, httpx.Response]:
    """Provoke one answer of each status that needs no fault of the server's."""
    driver = user.driver
    auth = dict([user.authorization])
    preflight = {"origin": origin, "access-control-request-method": "GET"}
    asked = {
        "preflight": ("OPTIONS", user.tasks, preflight, None),
        "refused preflight": ("OPTIONS", user.tasks, preflight | {"origin": "http://evil"}, None),
        "options": ("OPTIONS", user.tasks, {}, None),
        "list": ("GET", user.tasks, auth, None),
        "head": ("HEAD", user.tasks, auth, None),
        "known": ("GET", user.tasks, auth | {"if-none-match": "*"}, None),
        "created": ("POST", user.tasks, auth | JSON, b'{"title":"Buy milk"}'),
        "malformed": ("POST", user.tasks, auth | JSON, b"{"),
        "no token": ("GET", user.tasks, {}, None),
        "bad token": ("GET", user.tasks, {"authorization": "Bearer a.b.c"}, None),
        "no route": ("GET", "/nowhere", {}, None),
        "no task": ("GET", f"{user.tasks}/0", auth, None),
        "no method": ("PUT", user.tasks, auth, None),
        "stale": ("DELETE", f"{user.tasks}/1", auth | {"if-match": "x"}, None),
        "too large": ("POST", user.tasks, auth | JSON, b" " * 65_537),
        "too long": ("GET", f"{user.tasks}?{'a' * 9000}", auth, None),
        "media type": ("POST", user.tasks, auth, b"{}"),
        "invalid": ("POST", user.tasks, auth | JSON, b"{}"),
        "large headers": ("GET", user.tasks, auth | {"x-large": "a" * 40_000}, None),
        "index": ("GET", "/", {}, None),
        "health": ("GET", "/health", {}, None),
        "liveness": ("GET", "/livez", {}, None),
        "docs": ("GET", "/docs", {}, None),
        "redoc": ("GET", "/redoc", {}, None),
        "openapi": ("GET", "/openapi.json", {}, None),
        "asset": ("GET", "/docs/assets/swagger-ui.css", {}, None),
    }
    if driver.has_owner_in_path:
        asked["wrong user"] = ("GET", driver.tasks_path("somebody else"), auth, None)
    async with client_for(url) as client:
        return {
            name: await client.request(method, path, headers=headers, content=content)
            for name, (method, path, headers, content) in asked.items()
        }


async def test_g_05_every_kind_of_answer_has_its_headers(
    deployment: Deployment, user: Person
) -> None:
    """Good or bad, of a contract, a utility, a document or the middleware: none leaves bare."""
    answers = await one_of_each(deployment.url, user, "http://localhost:3000")

    for name, answer in answers.items():
        oracles.check(
            answer, user.driver, head=name == "head", has_own_form=name == "refused preflight"
        )
    statuses = {answer.status_code for answer in answers.values()}
    assert statuses >= {200, 201, 204, 304, 400, 401, 404, 405, 413, 414, 415, 431}
    assert answers["invalid"].status_code == user.driver.refusals.required.status
    ids = [answer.headers["x-request-id"] for answer in answers.values()]
    assert len(set(ids)) == len(ids)


@pytest_asyncio.fixture(scope="module")
async def production(driver: Driver, postgres: EmbeddedPostgres) -> AsyncIterator[Served]:
    """The same, as it is served to the world."""
    env = environment(
        postgres.url,
        API_CONTRACTS=driver.name,
        ENVIRONMENT="production",
        ALLOWED_ORIGINS="https://todo.example",
    )
    async with serving(env) as served:
        yield served


async def test_production_asks_for_https(production: Served, driver: Driver) -> None:
    """HSTS stands on every answer there, and on none elsewhere (see the test above)."""
    async with signed_in(Deployment(driver, production), "user") as user:
        answers = await one_of_each(production.url, user, "https://todo.example")

    for name, answer in answers.items():
        oracles.check(
            answer,
            driver,
            production=True,
            head=name == "head",
            has_own_form=name == "refused preflight",
        )


# X-Request-ID ---------------------------------------------------------------------------


@pytest.mark.parametrize("request_id", ["0", "a" * 128, "Aa-Zz_0.9", "-", "...", "01HX.req_7-a"])
async def test_fit_request_id_is_kept(nobody: httpx.AsyncClient, request_id: str) -> None:
    """A client or proxy that names its request finds it under that name, whatever the status."""
    for path in ("/livez", "/nowhere"):
        response = await nobody.get(path, headers={"x-request-id": request_id})
        assert response.headers["x-request-id"] == request_id


@pytest.mark.parametrize(
    "request_id",
    [
        b"",
        b"a" * 129,
        b"a b",
        b"a\tb",
        b"<script>",
        b"a,b",
        b"a;b",
        b"a/b",
        b"%0d%0aset-cookie:x",
        b"\xff",
        "\u00e9".encode(),
        "\u0661".encode(),  # a digit, but not one of ASCII's
        b"a" * 20_000,
    ],
    ids=lambda octets: ascii(octets[:20]),
)
async def test_unfit_request_id_is_replaced(deployment: Deployment, request_id: bytes) -> None:
    """What could break a log line or a header is never repeated."""
    octets = wire.request("GET", "/livez", [("x-request-id", request_id)])
    async with wire.connected(deployment.url) as connection:
        response = await connection.exchange(octets)

    oracles.check(response, deployment.driver)
    assert response.headers["x-request-id"].encode() not in {request_id, request_id[:128]}


# What a status brings along -------------------------------------------------------------


async def test_location_is_the_address_of_the_new_task(user: Person) -> None:
    """It is a path, so that it is right behind any proxy and host name."""
    response = await user.client.post(
        user.tasks, json={"title": "Buy milk"}, headers={"host": "evil.example"}
    )

    task = user.driver.task_of(response.json())
    location = response.headers["location"]
    assert location == user.path(task)
    assert (await user.client.get(location)).status_code == 200


async def test_location_is_percent_encoded(deployment: Deployment) -> None:
    """Whatever the user's id holds, the address is ASCII and leads to the task."""
    user_id = "a/b ?#%\u00e9\U0001f600\r\nset-cookie: x"
    async with signed_in(deployment, user_id) as user:
        response = await user.client.post(user.tasks, json={"title": "Buy milk"})
        location = response.headers["location"]
        found = await user.client.get(location)

    assert location.isascii()
    assert set(location).isdisjoint(" ?#\r\n")
    assert deployment.driver.has_owner_in_path == (user_id in unquote(location))
    assert found.status_code == 200


@pytest.mark.parametrize(
    ("authorization", "challenge"),
    [
        (None, "Bearer"),
        ("", "Bearer"),
        ("Basic YWxpY2U6eA==", "Bearer"),
        ("Bearer", "Bearer"),
        ("Bearer a.b.c", 'Bearer error="invalid_token"'),
        (f"bearer {token_for('user')}x", 'Bearer error="invalid_token"'),
    ],
)
async def test_challenge_says_whether_a_token_was_sent(
    nobody: httpx.AsyncClient, driver: Driver, authorization: str | None, challenge: str
) -> None:
    """RFC 6750, section 3: no `error` where no token was sent, and one where it was no good."""
    headers = {} if authorization is None else {"authorization": authorization}
    response = await nobody.get(driver.tasks_path("user"), headers=headers)

    assert response.status_code == 401
    assert response.headers["www-authenticate"] == challenge


async def test_bad_tokens_are_told_apart(nobody: httpx.AsyncClient, driver: Driver) -> None:
    """Whoever has to sign in again, and whoever has the wrong secret, learns which by the code."""
    now = int(time.time())
    claims = {"sub": "user", "iat": now - 120, "exp": now + 900}
    expired = tokens.signed(claims | {"exp": now - 61}, secret=SECRET)
    sent = [
        (driver.refusals.bad_token, "a.b.c"),
        (driver.refusals.expired_token, expired),
        (driver.refusals.bad_signature, tokens.signed(claims, secret=f"not {SECRET}")),
    ]

    for expected, token in sent:
        headers = {"authorization": f"Bearer {token}"}
        response = await nobody.get(driver.tasks_path("user"), headers=headers)
        oracles.refused(response, driver, expected)


async def test_allow_names_every_method(nobody: httpx.AsyncClient, user: Person) -> None:
    """405 and OPTIONS say the same of an address, and no more is asked for than the address."""
    task = {"id": 1}
    expected = {
        user.tasks: "GET, HEAD, OPTIONS, POST",
        user.path(task): "DELETE, GET, HEAD, OPTIONS, PUT",
        user.completion(task): "OPTIONS, PATCH",
        "/health": "GET, HEAD, OPTIONS",
        "/docs": "GET, HEAD, OPTIONS",
    }

    for path, allowed in expected.items():
        options = await nobody.options(path)
        refused = await nobody.request("TRACE", path, headers={"x-secret": "echo me not"})
        assert (options.status_code, refused.status_code) == (204, 405)
        assert options.headers["allow"] == refused.headers["allow"] == allowed
        assert "echo me not" not in refused.text
    assert (await nobody.options("/nowhere")).status_code == 404


async def test_method_override_is_not_obeyed(user: Person) -> None:
    """The method is the one of the request line."""
    task = await user.given_task()

    response = await user.client.post(
        user.path(task), json={"title": "x"}, headers={"x-http-method-override": "DELETE"}
    )

    user.refused(response, user.driver.refusals.no_method)
    assert await user.read(task) == task
