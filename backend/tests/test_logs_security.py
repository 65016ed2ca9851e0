"""The security log: who was refused, why and from where, and who was let in by a password."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import httpx
import jwt
import pytest
import pytest_asyncio

from tests.contracts.accounts.given import Member, given_member
from tests.support.client import client_for
from tests.support.server import SECRET, Served, environment, serving
from tests.support.users import Caller, caller, token_for
from todo_backend.database.embedded import EmbeddedPostgres
from todo_backend.database.url import ConnectArgs
from todo_backend.observability import SECURITY

SIGN_IN = "/api/auth/signin"
SESSION = f"better-auth.session_token={'a' * 32}.{'b' * 43}%3D"
EXPIRED = {"sub": "alice", "iat": 1_700_000_000, "exp": 1_700_000_900}
LINE_MAX = 1000
FIELDS = {
    "client",
    "endpoint",
    "event",
    "level",
    "logger",
    "reason",
    "request_id",
    "timestamp",
    "user_id",
}

Event = dict[str, Any]


async def events_of(served: Served, response: httpx.Response) -> list[Event]:
    """Return what the security log says of a response, once its access line is there."""
    request_id = response.headers["x-request-id"]
    for _ in range(200):
        lines = [line for line in served.log.getvalue().splitlines() if request_id in line]
        found = [json.loads(line) for line in lines]
        if any(each["event"] == "request" for each in found):
            break
        await asyncio.sleep(0.005)
    # It stands right behind the access line.
    told = [line for line in lines if f'"logger":"{SECURITY}"' in line]
    assert all(len(line) < LINE_MAX for line in told)
    return [each for each in found if each.get("logger") == SECURITY]


async def event_of(served: Served, response: httpx.Response) -> Event:
    (event,) = await events_of(served, response)
    assert event.keys() <= FIELDS
    assert event["request_id"] == response.headers["x-request-id"]
    assert event["client"] == "127.0.0.1"
    return event


@pytest_asyncio.fixture
async def client(served: Served) -> AsyncIterator[httpx.AsyncClient]:
    async with client_for(served.url) as found:
        yield found


@pytest_asyncio.fixture
async def ann(client: httpx.AsyncClient) -> Member:
    """Somebody who has just signed up."""
    return await given_member(client)


def changed(token: str) -> str:
    return f"{token[:-6]}AAAAAA"


@pytest.mark.parametrize(
    ("authorization", "expected", "reason"),
    [
        (None, "authn_token_missing", "no Authorization header"),
        ("Basic YTpi", "authn_token_missing", "not the Bearer scheme"),
        ("Bearer x", "authn_token_invalid", None),
        (f"Bearer {'x' * 8000}", "authn_token_invalid", None),
        (f"Bearer {'x' * 9000}", "authn_token_invalid", "token too long"),
        (f"Bearer {changed(token_for('alice'))}", "authn_token_forged", None),
        (f"Bearer {jwt.encode(EXPIRED, SECRET)}", "authn_token_expired", None),
    ],
    ids=["none", "basic", "no token", "long", "too long", "forged", "expired"],
)
async def test_lg_08_a_refused_token_is_an_event(
    served: Served,
    anonymous: httpx.AsyncClient,
    authorization: str | None,
    expected: str,
    reason: str | None,
) -> None:
    """What was wrong, where and from which address; nothing of the token, and no user."""
    headers = {} if authorization is None else {"authorization": authorization}

    response = await anonymous.get("/api/alice/tasks", headers=headers)

    event = await event_of(served, response)
    assert response.status_code == 401
    assert (event["event"], event["level"]) == (expected, "warning")
    assert event["endpoint"] == "GET /api/{user_id}/tasks"
    assert event["user_id"] is None
    assert event["reason"] == reason if reason else event["reason"]


async def test_lg_08_another_users_path_is_an_event(served: Served, alice: Caller) -> None:
    """The user is the one of the token; whose tasks they wanted is not repeated."""
    response = await alice.client.get("/api/somebody-else/tasks")

    event = await event_of(served, response)
    assert response.status_code == 403
    assert (event["event"], event["user_id"]) == ("authz_fail", alice.user_id)
    assert event["reason"] == "the path names another user"
    assert "somebody-else" not in str(event)


async def test_lg_08_a_strangers_task_is_an_event_where_it_is_told(
    postgres: EmbeddedPostgres, address: ConnectArgs
) -> None:
    """The contract that answers 403 for it logs it too; the others don't know of it."""
    del address
    env = environment(postgres.url, API_CONTRACTS="plain")
    async with (
        serving(env) as served,
        caller(served.url, "lg-08-a") as alice,
        caller(served.url, "lg-08-b") as bob,
    ):
        created = await alice.client.post(alice.tasks, json={"title": "Buy milk"})
        path = created.headers["location"].rpartition("/")[2]
        response = await bob.client.get(f"{bob.tasks}/{path}")
        nobody = await bob.client.get(f"{bob.tasks}/999999999")
        event = await event_of(served, response)
        none = await events_of(served, nobody)

    assert (response.status_code, nobody.status_code) == (403, 404)
    assert (event["event"], event["user_id"]) == ("authz_fail", "lg-08-b")
    assert event["reason"] == "the task is another user's"
    assert none == []


async def test_lg_08_what_goes_well_is_no_event(served: Served, alice: Caller) -> None:
    """Ordinary requests, and ordinary mistakes, would only hide what matters."""
    task = await alice.given_task()

    answers = [
        await alice.client.get(alice.tasks),
        await alice.client.get(f"{alice.tasks}/{task['id'] + 1_000_000}"),
        await alice.client.post(alice.tasks, json={}),
        await alice.client.get("/nowhere"),
        await alice.client.get("/livez"),
    ]

    assert [await events_of(served, answer) for answer in answers] == [[]] * len(answers)


# Accounts ---------------------------------------------------------------------------------


async def test_lg_08_an_account_leaves_its_trace(served: Served, client: httpx.AsyncClient) -> None:
    """Signing up, in, on and out is told with the user's id, and never with the address."""
    account = {"email": "Trace.LG08@example.com", "password": "lg-08 a good one", "name": "Ann"}

    answers = [await client.post("/api/auth/signup", json=account)]
    user_id = answers[0].json()["user"]["id"]
    answers.append(await client.post("/api/auth/signup", json=account))
    answers.append(await client.post(SIGN_IN, json=account))
    tokens = answers[-1].json()
    refresh = {"refresh_token": tokens["refresh_token"]}
    answers.append(await client.post("/api/auth/refresh", json=refresh))
    bearer = {"authorization": f"Bearer {tokens['access_token']}"}
    answers.append(await client.post("/api/auth/signout", headers=bearer))
    answers.append(await client.get("/api/tasks", headers=bearer))

    events = [await event_of(served, answer) for answer in answers]
    assert [(each["event"], each["level"], each["user_id"]) for each in events] == [
        ("user_created", "info", user_id),
        ("user_create_fail", "warning", None),
        ("authn_login_success", "info", user_id),
        ("session_renewed", "info", user_id),
        ("session_expired", "info", user_id),
        ("authn_token_invalid", "warning", None),
    ]
    assert events[-1]["reason"] == "session ended"
    assert "trace.lg08" not in str(events).lower()


async def test_lg_08_a_failed_sign_in_names_the_account_if_there_is_one(
    served: Served, client: httpx.AsyncClient, ann: Member
) -> None:
    """The answers are the same; who reads the log may know whose door somebody is trying."""
    wrong = {"email": ann.email, "password": "lg-08 not the one"}
    unknown = wrong | {"email": f"not.{ann.email}"}

    answers = [await client.post(SIGN_IN, json=body) for body in (wrong, unknown)]

    events = [await event_of(served, answer) for answer in answers]
    assert answers[0].content == answers[1].content
    assert [(each["event"], each["user_id"], each["reason"]) for each in events] == [
        ("authn_login_fail", ann.user_id, "wrong password"),
        ("authn_login_fail", None, "no such account"),
    ]
    assert ann.email not in str(events)


async def test_lg_08_a_refresh_token_used_again_is_an_event(
    served: Served, client: httpx.AsyncClient, superuser: asyncpg.Connection, ann: Member
) -> None:
    """One of the two who had it is a thief: this line is the one to be woken by."""
    body = {"refresh_token": ann.refresh_token}
    await client.post("/api/auth/refresh", json=body)
    await superuser.execute(
        "UPDATE refresh_tokens SET spent_at = spent_at - interval '11 s' WHERE user_id = $1",
        ann.user_id,
    )

    answers = [await client.post("/api/auth/refresh", json=body) for _ in range(2)]

    events = [await event_of(served, answer) for answer in answers]
    assert [(each["event"], each["reason"]) for each in events] == [
        ("authn_token_reuse", "refresh token reused"),
        ("authn_token_invalid", "refresh token ended"),
    ]
    assert {each["user_id"] for each in events} == {ann.user_id}
    assert ann.refresh_token not in str(events)


async def test_lg_08_a_cookie_from_a_foreign_page_is_an_event(
    postgres: EmbeddedPostgres, address: ConnectArgs
) -> None:
    """A page that makes a visitor's browser ask is told apart from a bad token."""
    del address
    env = environment(postgres.url, ACCEPT_SESSION_COOKIE="true", BETTER_AUTH_SECRET=SECRET)
    headers = {"cookie": SESSION, "origin": "https://evil.example"}
    async with serving(env) as served, client_for(served.url) as client:
        response = await client.post("/api/alice/tasks", json={}, headers=headers)
        event = await event_of(served, response)

    assert response.status_code == 401
    assert event["event"] == "malicious_cors"
    assert "evil" not in str(event)


async def test_lg_08_a_client_past_its_limit_is_an_event(
    postgres: EmbeddedPostgres, address: ConnectArgs
) -> None:
    """The second request of a client that may ask once is refused, and told."""
    del address
    limits = {"RATE_LIMIT_ENABLED": "true", "RATE_LIMIT_AUTH": "1/minute"}
    body = {"email": "nobody@example.com", "password": "lg-08 not the one"}
    async with (
        serving(environment(postgres.url) | limits) as served,
        client_for(served.url) as client,
    ):
        answers = [await client.post(SIGN_IN, json=body) for _ in range(2)]
        events = [await event_of(served, answer) for answer in answers]

    assert [answer.status_code for answer in answers] == [401, 429]
    assert [each["event"] for each in events] == ["authn_login_fail", "excess_rate_limit_exceeded"]
    assert events[1]["reason"] == "past the limit of 1"
    assert events[1]["endpoint"] == "POST /api/auth/signin"
