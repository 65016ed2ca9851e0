"""Opening an account. The names of tests carry the rows of the list of attacks they stand for."""

import asyncio
import re
from collections import Counter
from datetime import datetime

import asyncpg
import httpx
import pytest

from tests.contracts.accounts.given import (
    SIGN_UP,
    fields_of,
    fresh_email,
    given_member,
    sign_up,
)

USER_ID = "[0-9a-f]{32}"
MOMENT = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z"
TAKEN = b'{"detail":"An account with this email already exists"}'


async def test_au_01_account_is_opened(client: httpx.AsyncClient) -> None:
    """201 with the user and both tokens, in this order, and nothing else."""
    email = fresh_email()

    response = await sign_up(client, email=email, name="Ann \u00c9")

    assert response.status_code == 201
    written = re.fullmatch(
        rf'{{"user":{{"id":"{USER_ID}","email":"{re.escape(email)}","name":"Ann \u00c9",'
        rf'"created_at":"{MOMENT}"}},"access_token":"[\w.-]+","refresh_token":"[\w.~-]+",'
        r'"token_type":"bearer","expires_in":900}',
        response.text,
    )
    assert written, response.text
    assert response.headers["content-type"] == "application/json"
    assert response.headers["cache-control"] == "no-store"


async def test_new_account_has_no_address(client: httpx.AsyncClient) -> None:
    """Nothing can be read about a user anywhere, so there is nothing to point to."""
    response = await sign_up(client)

    assert "location" not in response.headers


async def test_new_account_can_be_used_at_once(client: httpx.AsyncClient) -> None:
    """The tokens are those of a session: the first task goes to the new user."""
    ann = await given_member(client)

    task = await ann.given_task()

    assert task["user_id"] == ann.user_id


@pytest.mark.parametrize("field", ["email", "password", "name"])
@pytest.mark.parametrize("value", [12345678, True, ["hunter2hunter2"], {"a": "hunter2"}, None])
async def test_au_20_text_is_text(client: httpx.AsyncClient, field: str, value: object) -> None:
    """Nothing is turned into a string, and no value comes back."""
    response = await sign_up(client, **{field: value})

    assert fields_of(response) == [field]
    assert response.json()["errors"][0]["type"] == ("missing" if value is None else "invalid")
    assert "hunter2" not in response.text
    assert "12345678" not in response.text


async def test_au_20_every_field_is_required(client: httpx.AsyncClient) -> None:
    """All that is missing is named, in the order of the contract."""
    response = await client.post(SIGN_UP, json={})

    assert fields_of(response) == ["email", "password", "name"]
    assert {each["type"] for each in response.json()["errors"]} == {"missing"}


@pytest.mark.parametrize(
    ("name", "kept"), [("  Ann  ", "Ann"), ("\u674e", "\u674e"), ("n" * 255, "n" * 255)]
)
async def test_name_is_stripped(client: httpx.AsyncClient, name: str, kept: str) -> None:
    """A name has 1 to 255 characters without the white space around them."""
    ann = await given_member(client, name=name)

    assert ann.user["name"] == kept


@pytest.mark.parametrize("name", ["", "  ", "\u200b", "n" * 256, "a\0b"], ids=ascii)
async def test_name_is_to_be_seen(client: httpx.AsyncClient, name: str) -> None:
    """A name that nobody could read, store or fit in is none."""
    assert fields_of(await sign_up(client, name=name)) == ["name"]


async def test_au_24_one_of_many_at_once_gets_the_address(
    client: httpx.AsyncClient, superuser: asyncpg.Connection
) -> None:
    """One account, and everybody else is told so."""
    email = fresh_email()

    responses = await asyncio.gather(*(sign_up(client, email=email) for _ in range(50)))

    assert Counter(each.status_code for each in responses) == {201: 1, 409: 49}
    assert {each.content for each in responses if each.status_code == 409} == {TAKEN}
    found = await superuser.fetchval("SELECT count(*) FROM users WHERE email = $1", email)
    assert found == 1


async def test_au_25_what_is_the_servers_is_ignored(client: httpx.AsyncClient) -> None:
    """Nobody chooses an id, a time or a right."""
    foreign = {
        "id": "1" * 32,
        "user_id": "alice",
        "is_admin": True,
        "password_hash": "x",
        "created_at": "1999-01-01T00:00:00Z",
        "email_verified": True,
    }

    response = await sign_up(client, **foreign)

    assert response.status_code == 201
    user = response.json()["user"]
    assert user.keys() == {"id", "email", "name", "created_at"}
    assert user["id"] not in foreign.values()
    assert datetime.fromisoformat(user["created_at"]).year > 2020


async def test_au_56_query_is_no_body(client: httpx.AsyncClient) -> None:
    """Credentials in an address are ignored, and stand in no log."""
    query = {"email": fresh_email(), "password": "canary-of-a-query", "name": "Ann"}

    response = await client.post(SIGN_UP, params=query)

    assert fields_of(response) == ["body"]
