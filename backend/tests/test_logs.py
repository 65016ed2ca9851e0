"""The log of requests: one line each, and nothing in it that is secret or that forges a line."""

import asyncio
import io
import json
import re
from dataclasses import replace
from secrets import token_hex
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from tests.support.server import ORIGIN, SECRET, Served, environment, serving
from tests.support.users import Caller, caller, token_for
from todo_backend.contracts.envelope import ENVELOPE
from todo_backend.database.embedded import EmbeddedPostgres
from todo_backend.database.url import ConnectArgs, parse
from todo_backend.web.answer import Answer
from todo_backend.web.operation import Route
from todo_backend.web.signature import Owner, Tasks

LINE = re.compile(
    r"\[(?P<timestamp>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z)\] \[(?P<level>[A-Z]+)\] "
    r"\[(?P<user>[^\[\]]*)\] \[(?P<endpoint>[^\[\]]*)\] \[(?P<message>[^\[\]]*)\]"
)
CANARY = "Canary-7d1f0b"
FORGERY = (
    "eve\r\n[2026-01-01T00:00:00Z] [ERROR] [root] [GET /] [forged]\x1b[31m\x9b31m\u2028\u202e\u2066"
    '{"level":"error"}\x7f\t\U000e0041 [brackets]'
)


def records(log: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.getvalue().splitlines()]


def lines_of(served: Served, response: httpx.Response) -> list[dict[str, Any]]:
    request_id = response.headers["x-request-id"]
    return [each for each in records(served.log) if each.get("request_id") == request_id]


async def line_of(served: Served, response: httpx.Response) -> dict[str, Any]:
    """Return the one access line of a response; it may be written just after the response."""
    for _ in range(200):
        found = [each for each in lines_of(served, response) if each["event"] == "request"]
        if found:
            break
        await asyncio.sleep(0.005)
    (line,) = found
    return line


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/api/{user}/tasks?limit=5", (200, "info", "GET /api/{user_id}/tasks")),
        ("HEAD", "/api/{user}/tasks", (200, "info", "HEAD /api/{user_id}/tasks")),
        ("GET", "/api/{user}/tasks/999", (404, "info", "GET /api/{user_id}/tasks/{id}")),
        ("POST", "/api/{user}/tasks", (422, "info", "POST /api/{user_id}/tasks")),
        ("GET", "/api/somebody/tasks", (403, "warning", "GET /api/{user_id}/tasks")),
        ("POST", "/health", (405, "info", "POST /health")),
        ("GET", "/nowhere/at/all", (404, "info", "-")),
        ("GET", "/livez", (200, "info", "GET /livez")),
    ],
)
async def test_a_request_is_one_line(
    served: Served, alice: Caller, method: str, path: str, expected: tuple[int, str, str]
) -> None:
    """It tells who asked for what and how it went; the path's own values are in no line."""
    response = await alice.client.request(method, path.replace("{user}", quote(alice.user_id)))

    line = await line_of(served, response)
    assert line["status"] == response.status_code
    assert (line["status"], line["level"], line["endpoint"]) == expected
    assert line["event"] == "request"
    assert line["user_id"] == (alice.user_id if path.startswith("/api/") else None)
    assert 0 <= line["duration_ms"] < 60_000
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", line["timestamp"])


async def test_a_refused_credential_stands_out(
    served: Served, anonymous: httpx.AsyncClient
) -> None:
    """Who watches for attacks finds the reason and the address, at a level above the others."""
    headers = {"authorization": f"Bearer {token_for('alice')[:-4]}AAAA"}

    response = await anonymous.get("/api/alice/tasks", headers=headers)

    line = await line_of(served, response)
    assert line["level"] == "warning"
    assert line["error"].startswith("SignatureInvalid")
    assert line["client"] == "127.0.0.1"
    assert line["user_id"] is None


async def test_the_text_form_has_five_fields(
    postgres: EmbeddedPostgres, address: ConnectArgs
) -> None:
    """`[TIMESTAMP] [LEVEL] [USER_ID] [ENDPOINT] [MESSAGE]`, for libraries and requests alike."""
    del address  # migrated before the server starts
    env = environment(postgres.url, LOG_FORMAT="text")
    async with serving(env) as served, caller(served.url, "alice") as alice:
        response = await alice.client.get(alice.tasks)

    lines = [LINE.fullmatch(line) for line in served.log.getvalue().splitlines()]
    assert all(lines)
    (line,) = [found for found in lines if found and found["user"] == "alice"]
    assert (line["level"], line["endpoint"]) == ("INFO", "GET /api/{user_id}/tasks")
    assert re.fullmatch(
        rf"request status=200 duration_ms=[\d.]+ request_id={response.headers['x-request-id']}",
        line["message"],
    )


@pytest.mark.parametrize("form", ["json", "text"])
async def test_lg_06_a_user_cannot_forge_a_line(
    postgres: EmbeddedPostgres, address: ConnectArgs, form: str
) -> None:
    """Whatever an id holds, it stays in its field, and a terminal obeys nothing of it."""
    del address
    env = environment(postgres.url, LOG_FORMAT=form)
    async with serving(env) as served, caller(served.url, FORGERY) as eve:
        response = await eve.client.get(eve.tasks)

    lines = served.log.getvalue().split("\n")[:-1]
    (line,) = [each for each in lines if response.headers["x-request-id"] in each]
    assert response.status_code == 200
    assert all(each.isprintable() for each in lines)
    if form == "json":
        assert json.loads(line)["user_id"] == FORGERY
    else:
        found = LINE.fullmatch(line)
        assert found
        assert found["level"] == "INFO"
        assert found["user"].startswith(r"eve\r\n\x5b2026-01-01T00:00:00Z\x5d ")


@pytest.mark.parametrize("form", ["json", "text"])
async def test_lg_01_lg_09_no_line_repeats_what_was_sent(
    postgres: EmbeddedPostgres, address: ConnectArgs, form: str
) -> None:
    """Token, secret, password, header, query, body and path leave no trace, at debug level even."""
    del address
    env = environment(postgres.url, LOG_FORMAT=form, LOG_LEVEL="debug")
    async with serving(env) as served, caller(served.url, "alice") as alice:
        await _send_canaries(alice)

    log = served.log.getvalue()
    token = alice.client.headers["authorization"].removeprefix("Bearer ")
    password = parse(postgres.url).password
    assert log.count("request") > 10
    assert CANARY not in log
    assert password
    for secret in (SECRET, token, token.split(".")[1], token.split(".")[2], password):
        assert secret not in log


async def _send_canaries(alice: Caller) -> None:
    client, tasks = alice.client, alice.tasks
    body = {"title": CANARY, "description": CANARY}
    named = ("user-agent", "referer", "cookie", "x-api-key", "if-match", "x-request-id")
    headers = dict.fromkeys(named, f"({CANARY})")
    for credential in (f"Bearer {CANARY}", f"Basic {CANARY}", f"Bearer {CANARY}.{CANARY}.AAAA"):
        await client.get(tasks, headers={"authorization": credential})
    await client.get(tasks, params={"access_token": CANARY, "limit": CANARY}, headers=headers)
    created = await client.post(tasks, json=body, headers=headers)
    await client.put(created.headers["location"], json=body, headers=headers)
    await client.post(tasks, json={"title": 5, "description": CANARY * 500})
    await client.post(tasks, content=f'{{"title": "{CANARY}', headers={"content-type": "x/y"})
    await client.post(
        tasks, content=f'{{"title": "{CANARY}', headers={"content-type": "application/json"}
    )
    await client.get(f"{tasks}/{CANARY}")
    await client.get(f"/api/{CANARY}/tasks")
    await client.get(f"/{CANARY}?{CANARY}={CANARY}")
    await client.get(tasks, headers={"user-agent": CANARY * 80_000})
    preflight = {"origin": ORIGIN, "access-control-request-method": "GET"}
    await client.options(f"{tasks}?{CANARY}", headers=preflight)
    await _send_canaries_about_accounts(client)


async def _send_canaries_about_accounts(client: httpx.AsyncClient) -> None:
    account = {"email": f"{CANARY}.{token_hex(4)}@example.com", "password": CANARY, "name": CANARY}
    statuses = [
        (await client.post(f"/api/auth/{path}", json=body)).status_code
        for path, body in (
            ("signup", account),
            ("signup", account),
            ("signup", account | {"email": CANARY}),
            ("signup", account | {"password": [CANARY]}),
            ("signin", account),
            ("signin", account | {"password": f"not {CANARY}"}),
            ("signin", account | {"email": f"not-{CANARY}@example.com"}),
            ("refresh", {"refresh_token": CANARY}),
            ("signout", {"refresh_token": CANARY}),
        )
    ]
    assert statuses == [201, 409, 422, 422, 200, 401, 401, 401, 200]


async def _failing(owner: Owner, tasks: Tasks) -> Answer:
    """Make the driver complain of a parameter, whose value stands in its message."""
    await tasks.get(owner, CANARY)  # type: ignore[arg-type] # that is the defect
    raise AssertionError


async def test_lg_07_a_defect_is_told_with_its_stack_and_without_its_words(
    postgres: EmbeddedPostgres, address: ConnectArgs
) -> None:
    """A driver's message repeats the parameter, so the log has types and places alone."""
    del address
    route = Route("GET", "/api/{user_id}/tasks", _failing, "fail")
    broken = {"envelope": replace(ENVELOPE, routes=(route,))}
    server = serving(environment(postgres.url), contracts=broken)
    async with server as served, caller(served.url, "alice") as alice:
        response = await alice.client.get(alice.tasks)
        again = await alice.client.get("/livez")

    request_id = response.headers["x-request-id"]
    told, access = [each for each in records(served.log) if each.get("request_id") == request_id]
    assert (response.status_code, again.status_code) == (500, 200)
    assert (told["event"], told["level"], told["user_id"]) == ("unexpected", "error", "alice")
    assert told["endpoint"] == access["endpoint"] == "GET /api/{user_id}/tasks"
    assert (access["level"], access["status"]) == ("error", 500)
    assert "DataError" in told["error"]
    assert any(place.endswith(" _failing") for place in told["stack"])
    assert CANARY not in served.log.getvalue() + response.text


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        ("debug", {"info", "warning"}),
        ("info", {"info", "warning"}),
        ("warning", {"warning"}),
        ("error", set()),
    ],
)
async def test_the_level_is_respected(
    postgres: EmbeddedPostgres, address: ConnectArgs, level: str, expected: set[str]
) -> None:
    """LOG_LEVEL silences what is below it, of libraries too."""
    del address
    env = environment(postgres.url, LOG_LEVEL=level)
    async with serving(env) as served, caller(served.url, "alice") as alice:
        await alice.client.get(alice.tasks)
        await alice.client.get("/api/bob/tasks")

    found = records(served.log)
    assert {each["level"] for each in found} - {"debug"} == expected
    assert any(each.get("logger") == "uvicorn.error" for each in found) == ("info" in expected)
