"""Every answer has its line, and no line is longer or says more than it should."""

import asyncio
import http.client
import io
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import pytest_asyncio

from tests.support.canary import Collector
from tests.support.client import client_for
from tests.support.server import ORIGIN, SECRET, Served, environment, serving
from tests.support.users import Caller, caller
from todo_backend.contracts.envelope import ENVELOPE
from todo_backend.database.embedded import EmbeddedPostgres
from todo_backend.database.url import ConnectArgs, parse
from todo_backend.web.answer import Answer
from todo_backend.web.operation import Route
from todo_backend.web.signature import Owner

CANARY = "Canary-0c5e77"
TITLE = f"{CANARY} of somebody's list"
JSON = {"content-type": "application/json"}
LINE_MAX = 1000
LONG = 1_000_000
HOSTILE = 'x\r\n{"level":"error"}\x1b[31m\x9b31m\u2028\u2029\u202e\x00\x7f'


def lines_of(log: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.getvalue().splitlines()]


@pytest_asyncio.fixture(scope="module")
async def failing(postgres: EmbeddedPostgres, address: ConnectArgs) -> AsyncIterator[Served]:
    """A server with a defect, whose error has all that is secret in its text."""
    del address  # migrated before the server starts

    async def fail(owner: Owner) -> Answer:
        raise RuntimeError(f"{owner} {TITLE} {SECRET} {parse(postgres.url).password}")

    route = Route("DELETE", "/api/{user_id}/tasks", fail, "fail")
    contracts = {"envelope": replace(ENVELOPE, routes=(*ENVELOPE.routes, route))}
    async with serving(environment(postgres.url), contracts=contracts) as served:
        yield served


@pytest_asyncio.fixture
async def ann(failing: Served) -> AsyncIterator[Caller]:
    async with caller(failing.url, "lg-ann") as found:
        yield found


async def test_g_04_every_answer_has_one_line_with_its_id(failing: Served, ann: Caller) -> None:
    """Refused, missing, too large, a preflight, a defect: the id of an answer leads to its line."""
    preflight = {"origin": ORIGIN, "access-control-request-method": "GET"}
    answers = [
        await ann.client.request(method, path, headers=headers, content=content)
        for method, path, headers, content in [
            ("GET", ann.tasks, {}, None),
            ("HEAD", ann.tasks, {}, None),
            ("POST", ann.tasks, JSON, b'{"title":"Buy milk"}'),
            ("POST", ann.tasks, JSON, b"{"),
            ("POST", ann.tasks, JSON, b"{}"),
            ("POST", ann.tasks, {}, b"{}"),
            ("POST", ann.tasks, JSON, b" " * 65_537),
            ("PUT", ann.tasks, {}, None),
            ("DELETE", ann.tasks, {}, None),
            ("GET", ann.tasks, {"authorization": "Bearer x"}, None),
            ("GET", "/api/bob/tasks", {}, None),
            ("GET", f"/{'x' * 9000}", {}, None),
            ("GET", ann.tasks, {"x-large": "x" * 40_000}, None),
            ("OPTIONS", ann.tasks, preflight, None),
            ("OPTIONS", ann.tasks, preflight | {"origin": "http://evil"}, None),
            ("GET", "/nowhere", {}, None),
            ("GET", "/health", {}, None),
            ("GET", "/docs", {}, None),
        ]
    ]
    await asyncio.sleep(0.05)

    ids = [answer.headers["x-request-id"] for answer in answers]
    assert len(set(ids)) == len(ids)
    access = [line for line in lines_of(failing.log) if line["event"] == "request"]
    found = {line["request_id"]: line["status"] for line in access}
    assert len(found) == len(access)
    assert [found.get(each) for each in ids] == [answer.status_code for answer in answers]
    assert {answer.status_code for answer in answers} == {
        *(200, 201, 400, 401, 403, 404, 405, 413, 414, 415, 422, 431, 500)
    }


@pytest.mark.parametrize("octets", [b"GARBAGE\r\n\r\n", b"GET / HTTP/1.1\r\nHost : a\r\n\r\n"])
async def test_g_04_what_is_no_request_has_one_line_too(failing: Served, octets: bytes) -> None:
    """Its id is in the answer and in the log, once."""
    place = urlsplit(failing.url)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    writer.write(octets)
    answer = http.client.parse_headers(io.BytesIO((await reader.read()).partition(b"\r\n")[2]))
    writer.close()

    request_id = answer["x-request-id"]
    (line,) = [each for each in lines_of(failing.log) if each.get("request_id") == request_id]
    assert (line["status"], line["error"]) == (400, "RequestMalformed")


async def test_g_06_lg_01_no_answer_and_no_line_has_what_is_secret(
    postgres: EmbeddedPostgres, failing: Served, ann: Caller
) -> None:
    """Not the documents, nor the utilities, nor the text of an error; user data is in no line."""
    collector = Collector()
    collector.watch("this server", failing.log.getvalue)
    created = await ann.client.post(ann.tasks, json={"title": TITLE, "description": TITLE})
    paths = ["/docs", "/redoc", "/openapi.json", "/", "/health", "/livez", "/metrics"]

    answers = [await ann.client.get(path) for path in paths]
    defect = await ann.client.delete(ann.tasks)
    again = await ann.client.get(created.headers["location"])

    password = parse(postgres.url).password
    assert password
    collector.keep(TITLE, SECRET, password)
    assert (defect.status_code, again.json()["data"]["title"]) == (500, TITLE)
    assert [answer.status_code for answer in answers] == [200] * 6 + [404]
    for answer in (*answers, defect):
        assert not any(text in answer.text for text in (CANARY, SECRET, password, ann.user_id))
    assert '"event":"unexpected"' in failing.log.getvalue()
    assert collector.leaks() == []


@pytest.mark.parametrize("form", ["json", "text"])
async def test_lg_06_what_is_hostile_or_huge_is_one_short_line(
    postgres: EmbeddedPostgres, address: ConnectArgs, form: str
) -> None:
    """A megabyte of user agent, path or title, line ends and escapes: a line each, as any other."""
    del address
    env = environment(postgres.url, LOG_FORMAT=form)
    encoded = {"title": HOSTILE, "description": HOSTILE}
    async with serving(env) as served, caller(served.url, "lg-06") as ann:
        start = len(served.log.getvalue())
        answers = [
            await ann.client.get(ann.tasks, headers={b"user-agent": "\x9b31m\xad".encode()}),
            await ann.client.get("/%0d%0a%1b%5b31m%e2%80%a8"),
            await ann.client.get(f"{ann.tasks}/%0d%0a{{x}}%00%ff"),
            await ann.client.get("/api/%0d%0a%1b%5b31m/tasks"),
            await ann.client.post(ann.tasks, json=encoded),
            await ann.client.post(ann.tasks, json={"title": "x" * 60_000}),
            await ann.client.post(ann.tasks, json={"title": "x" * LONG}),
            await ann.client.get(ann.tasks, headers={b"x-request-id": "a\x9bb".encode("latin-1")}),
        ]
        told = [await _raw(served.url, octets) for octets in _huge()]
        written = served.log.getvalue()[start:]

    lines = written.split("\n")[:-1]
    assert len(answers) == len([each for each in answers if each.status_code < 500])
    assert all(b" 500 " not in each for each in told)
    for answer in answers:
        (line, *security) = [each for each in lines if answer.headers["x-request-id"] in each]
        assert len(security) == (answer.status_code == 403)
        assert "request" in line
    assert all(each.isprintable() and len(each) < LINE_MAX for each in lines)
    assert "\\r\\n" not in written
    assert "xxxxxxxx" not in written


def _huge() -> list[bytes]:
    agent = b"User-Agent: " + b"x" * LONG
    return [
        b"GET /livez HTTP/1.1\r\nHost: a\r\n" + agent + b"\r\n\r\n",
        b"GET /" + b"x" * LONG + b" HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /livez?" + b"x" * LONG + b" HTTP/1.1\r\nHost: a\r\n\r\n",
        b"x" * LONG + b" /livez HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nHost: a\r\nX-A: b\r\n\tc\r\rX-B: \x1b[31m\r\n\r\n",
    ]


async def _raw(url: str, octets: bytes) -> bytes:
    """Send what no client library would, and read the answer; the server may hang up early."""
    place = urlsplit(url)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    try:
        writer.write(octets)
        return await asyncio.wait_for(reader.read(4096), timeout=10)
    except ConnectionError:
        return b""
    finally:
        writer.close()


@pytest.mark.parametrize("name", ["access_token", "token", "api_key", "password", CANARY])
async def test_lg_09_nothing_of_a_query_is_logged(served: Served, alice: Caller, name: str) -> None:
    """A token in an address is no credential, and the log doesn't keep it."""
    token = alice.client.headers["authorization"].removeprefix("Bearer ")
    start = len(served.log.getvalue())

    async with client_for(served.url) as client:
        answers = [await client.get(alice.tasks, params={name: token, "x": CANARY})]
        answers.append(await client.get("/livez", params={name: CANARY}))
        answers.append(await client.get(f"/nowhere?{name}={CANARY}"))
        answers.append(await alice.client.get(alice.tasks, params={name: CANARY}))
        await asyncio.sleep(0.05)

    said = served.log.getvalue()[start:]
    assert [answer.status_code for answer in answers] == [401, 200, 404, 200]
    assert all(answer.headers["x-request-id"] in said for answer in answers)
    assert CANARY not in said
    assert token not in said
    assert "?" not in said


async def test_lg_12_the_documents_can_be_switched_off(
    postgres: EmbeddedPostgres, address: ConnectArgs
) -> None:
    """Then there is nothing at their addresses, in the contract's words, and nothing names them."""
    del address
    paths = ["/docs", "/redoc", "/openapi.json", "/docs/assets/favicon.png"]
    async with (
        serving(environment(postgres.url, DOCS_ENABLED="false")) as served,
        client_for(served.url) as client,
    ):
        answers = [await client.get(path) for path in paths]
        index = (await client.get("/")).json()
        nowhere = await client.get("/nowhere")

    assert {answer.status_code for answer in answers} == {404}
    assert {answer.content for answer in answers} == {nowhere.content}
    assert index["links"] == {"health": "/health"}


async def test_lg_12_there_are_no_metrics_to_see(anonymous: httpx.AsyncClient) -> None:
    """What isn't served can't tell anything."""
    answer = await anonymous.get("/metrics")

    assert answer.status_code == 404
