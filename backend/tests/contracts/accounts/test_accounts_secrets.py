"""Where secrets go: to the one who is given them, and nowhere else."""

import json

import asyncpg
import httpx

from tests.contracts.accounts.given import (
    REFRESH,
    SIGN_IN,
    SIGN_OUT,
    SIGN_UP,
    TASKS,
    Member,
    bearer,
    fresh_email,
    fresh_password,
    given_member,
)
from tests.support.server import Served

GIVEN_BY = {SIGN_UP, SIGN_IN, REFRESH}


async def exchanges_of(ann: Member, other: str) -> list[httpx.Response]:
    """Send Ann's secrets, and a password that is not hers, wherever one might be repeated."""
    credentials = {"email": ann.email, "password": ann.password}
    bodies: list[tuple[str, object]] = [
        (SIGN_IN, credentials | {"password": other}),
        (SIGN_IN, credentials | {"email": 5}),
        (SIGN_IN, [credentials]),
        (SIGN_UP, credentials | {"name": "Ann"}),
        (SIGN_UP, {"email": fresh_email(), "password": other * 50, "name": "Ann"}),
        (SIGN_UP, {"email": other, "password": [other], "name": 5}),
        (REFRESH, {"refresh_token": ann.access_token}),
        (REFRESH, {"refresh_token": ann.refresh_token * 200}),
        (REFRESH, {"refresh_token": [ann.refresh_token]}),
        (TASKS, {"title": [ann.refresh_token], "password": ann.password}),
        (SIGN_OUT, {"refresh_token": {"token": ann.refresh_token}}),
    ]
    responses = [await ann.call("POST", path, json=body) for path, body in bodies]
    malformed = json.dumps(credentials).removesuffix("}")
    for content_type in ("application/json", "text/plain"):
        headers = {"content-type": content_type}
        responses.append(await ann.call("POST", SIGN_IN, content=malformed, headers=headers))
    responses.append(await ann.call("POST", f"{SIGN_IN}?password={ann.password}"))
    responses.append(await ann.call("GET", TASKS, headers=bearer(ann.refresh_token)))
    responses.append(await ann.call("GET", TASKS, headers=bearer(f"{ann.access_token}x")))
    return responses


async def test_au_21_refusals_repeat_no_secret(client: httpx.AsyncClient, served: Served) -> None:
    """Neither the answer nor the log has any of it, not even the beginning."""
    ann = await given_member(client)
    other = fresh_password()
    start = len(served.log.getvalue())

    responses = await exchanges_of(ann, other)

    assert {each.status_code for each in responses} == {400, 401, 409, 415, 422}
    logged = served.log.getvalue()[start:]
    assert logged.count('"event":"request"') == len(responses)
    for secret in (ann.password, other, ann.access_token, ann.refresh_token):
        beginning = secret[:30]
        assert beginning not in logged
        assert [each.text for each in responses if beginning in each.text] == []


async def test_secrets_that_are_handed_out_are_not_logged(
    client: httpx.AsyncClient, served: Served
) -> None:
    """Nor is the password that they were handed out for in the answer."""
    start = len(served.log.getvalue())
    ann = await given_member(client)
    again = await ann.sign_in()
    refreshed = await client.post(REFRESH, json={"refresh_token": again.refresh_token})
    await ann.call("POST", SIGN_OUT, json={"refresh_token": refreshed.json()["refresh_token"]})

    logged = served.log.getvalue()[start:]
    assert {path for path in (*GIVEN_BY, SIGN_OUT) if path in logged} == {*GIVEN_BY, SIGN_OUT}
    assert ann.password not in refreshed.text
    tokens = {ann.access_token, ann.refresh_token, again.access_token, again.refresh_token}
    tokens |= {refreshed.json()["access_token"], refreshed.json()["refresh_token"]}
    assert len(tokens) == 6
    # The signature of an access token is what makes it one.
    parts = {part for token in tokens for part in token.split(".")[1:] or [token]}
    assert [part for part in {*parts, ann.password} if part in logged] == []


async def test_hash_of_a_password_is_in_no_answer(
    client: httpx.AsyncClient, superuser: asyncpg.Connection
) -> None:
    """Of an account, its holder sees four fields."""
    ann = await given_member(client)
    row = await superuser.fetchrow("SELECT t::text AS text FROM users t WHERE id = $1", ann.user_id)

    signed_in = await client.post(SIGN_IN, json={"email": ann.email, "password": ann.password})

    assert row is not None
    assert "argon2" not in signed_in.text
    assert ann.password not in row["text"]
