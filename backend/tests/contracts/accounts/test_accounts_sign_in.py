"""Signing in: the right password opens a session, and nothing else tells anything."""

import json
from typing import Any

import asyncpg
import httpx
import pytest

from tests.contracts.accounts.given import (
    JSON,
    SIGN_IN,
    SIGN_UP,
    fresh_email,
    fresh_password,
    given_member,
)

WRONG = b'{"detail":"Wrong email or password"}'


async def sign_in(client: httpx.AsyncClient, email: Any, password: Any) -> httpx.Response:
    body = json.dumps({"email": email, "password": password})
    return await client.post(SIGN_IN, content=body, headers=JSON)


async def test_session_is_opened(client: httpx.AsyncClient) -> None:
    """200 with what sign-up said of the user, and tokens of a session of its own."""
    ann = await given_member(client)

    response = await sign_in(client, ann.email, ann.password)

    assert response.status_code == 200
    body = response.json()
    assert list(body) == ["user", "access_token", "refresh_token", "token_type", "expires_in"]
    assert body["user"] == ann.user
    assert (body["token_type"], body["expires_in"]) == ("bearer", 900)
    assert body["access_token"] != ann.access_token
    assert body["refresh_token"] != ann.refresh_token
    assert response.headers["cache-control"] == "no-store"
    assert await ann.is_signed_in()


async def test_blanks_around_the_address_are_no_part_of_it(client: httpx.AsyncClient) -> None:
    """As at sign-up."""
    ann = await given_member(client)

    response = await sign_in(client, f"  {ann.email}\t", ann.password)

    assert response.status_code == 200


async def test_au_22_wrong_password_looks_like_an_unknown_address(
    client: httpx.AsyncClient,
) -> None:
    """Status, body and headers are the same for whatever is wrong, rules of sign-up included."""
    ann = await given_member(client)
    attempts = [
        (ann.email, fresh_password()),
        (ann.email, ann.password + " "),
        (ann.email, ann.password.upper()),
        (ann.email, "short"),
        (ann.email, ""),
        (ann.email, "password1"),
        (fresh_email(), ann.password),
        (fresh_email(), "short"),
        ("no address", ann.password),
        ("", ""),
        ("ann@localhost", ann.password),
    ]

    responses = [await sign_in(client, *attempt) for attempt in attempts]

    assert {(each.status_code, each.content) for each in responses} == {(401, WRONG)}
    headers = [dict(each.headers) for each in responses]
    for each in headers:
        assert each.pop("x-request-id")
        each.pop("date", None)
    assert all(each == headers[0] for each in headers)
    assert headers[0]["www-authenticate"] == "Bearer"
    assert "set-cookie" not in headers[0]


@pytest.mark.parametrize(
    ("email", "password", "fields"),
    [
        (5, "x", ["email"]),
        ("x", ["hunter2hunter2"], ["password"]),
        (None, {"$ne": ""}, ["email", "password"]),
        ("e" * 255, "x", ["email"]),
        ("x", "p" * 1025, ["password"]),
        ("a\0b", "c\0d", ["email", "password"]),
        ("\ud800", "\udfff", ["email", "password"]),
    ],
    ids=ascii,
)
async def test_au_20_what_no_account_could_have_is_invalid(
    client: httpx.AsyncClient, email: object, password: object, fields: list[str]
) -> None:
    """Types, sizes and what can't be stored: true of every account, so it tells of none."""
    response = await sign_in(client, email, password)

    assert response.status_code == 422
    assert [each["field"] for each in response.json()["errors"]] == fields
    assert "hunter2" not in response.text


async def test_missing_fields_are_named(client: httpx.AsyncClient) -> None:
    """Both of them, and a missing body as a whole."""
    empty = await client.post(SIGN_IN, json={})
    none = await client.post(SIGN_IN)

    assert [each["field"] for each in empty.json()["errors"]] == ["email", "password"]
    assert none.json() == {
        "detail": "Body is required",
        "errors": [{"field": "body", "message": "Body is required", "type": "missing"}],
    }


async def test_account_of_another_issuer_has_no_password(
    client: httpx.AsyncClient, superuser: asyncpg.Connection
) -> None:
    """A user whom Better Auth vouches for has an address here, and nobody signs in with it."""
    email = fresh_email()
    await superuser.execute(
        "INSERT INTO users (id, email, name) VALUES ($1, $2, 'Ann')", f"better-{email}", email
    )

    response = await sign_in(client, email, "")

    assert (response.status_code, response.content) == (401, WRONG)


async def test_au_56_credentials_in_the_address_are_ignored(client: httpx.AsyncClient) -> None:
    """They are no body, and what is logged is the route."""
    ann = await given_member(client)

    response = await client.post(SIGN_IN, params={"email": ann.email, "password": ann.password})

    assert response.status_code == 422


@pytest.mark.parametrize("path", [SIGN_IN, SIGN_UP])
@pytest.mark.parametrize(
    "media_type",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""],
)
async def test_au_57_forms_of_strange_pages_are_refused(
    client: httpx.AsyncClient, path: str, media_type: str
) -> None:
    """What a browser sends for any page without asking is no JSON, whatever it spells."""
    ann = await given_member(client)
    content = json.dumps({"email": ann.email, "password": ann.password, "name": "Ann"})

    response = await client.post(path, content=content, headers={"content-type": media_type})

    assert response.status_code == 415
    assert response.headers["accept"] == "application/json"


async def test_au_21_refusals_repeat_nothing(client: httpx.AsyncClient) -> None:
    """Neither answer nor log holds what was typed (the client of these tests sees to it)."""
    ann = await given_member(client)
    bodies: list[dict[str, Any]] = [
        {"email": ann.email, "password": ann.password, "name": 5},
        {"email": 5, "password": ann.password, "name": "Ann"},
        {"email": ann.email, "password": ann.password},
        {"email": ann.email, "password": ann.password, "name": "Ann"},
        {"email": fresh_email(), "password": fresh_password() * 50, "name": "Ann"},
        {"email": fresh_email(), "password": "password1", "name": "Ann"},
    ]

    statuses = [(await client.post(SIGN_UP, json=body)).status_code for body in bodies]
    statuses += [(await client.post(SIGN_IN, json=body)).status_code for body in bodies]
    malformed = f'{{"password":"{ann.password}"'
    statuses.append((await client.post(SIGN_IN, content=malformed, headers=JSON)).status_code)

    assert statuses == [422, 422, 422, 409, 422, 422, 200, 422, 200, 200, 422, 401, 400]
