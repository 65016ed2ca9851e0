"""What is refused needs no database: servers whose database is away refuse the same."""

import time
from collections.abc import AsyncIterator

import pytest_asyncio

from tests.contracts import hostile, oracles, wire
from tests.contracts.accounts.given import JSON, REFRESH, SIGN_IN, SIGN_OUT, SIGN_UP, bearer
from tests.contracts.drivers import ACCOUNTS, ENVELOPE, Driver
from tests.contracts.hostile import Row, Scene
from tests.contracts.people import Deployment, fresh_id, signed_in
from tests.contracts.test_hostile_http import expected_of
from tests.support import tokens
from tests.support.client import client_for
from tests.support.server import SECRET, environment, serving

AWAY = "postgresql://nobody@127.0.0.1:1/nowhere"
NEEDS_ROW = {"ID-02", "ID-03", "COND-1"}
"""Refused for what is in the database, or is not there."""
LEAST = 70


@pytest_asyncio.fixture
async def cut_off(driver: Driver) -> AsyncIterator[Deployment]:
    """A deployment that has never seen its database, and issues and expects tokens like others."""
    env = environment(
        AWAY,
        API_CONTRACTS=driver.name,
        DATABASE_TIMEOUT="0.5",
        JWT_ISSUER=tokens.ISSUER,
        JWT_AUDIENCE=tokens.ISSUER,
    )
    async with serving(env) as served:
        yield Deployment(driver, served, has_faults=True)


@pytest_asyncio.fixture
async def open_to_all(driver: Driver) -> AsyncIterator[Deployment]:
    """The same, with whatever token is signed by the secret."""
    env = environment(AWAY, API_CONTRACTS=driver.name, DATABASE_TIMEOUT="0.5")
    async with serving(env) as served:
        yield Deployment(driver, served, has_faults=True)


def is_refused_unseen(row: Row, driver: Driver) -> bool:
    """Whether only refusals are right, and what is in the database has no say in it."""
    expected = expected_of(row, driver)
    return row["id"] not in NEEDS_ROW and all(400 <= each < 500 for each in expected)


async def test_g_11_hostile_requests_need_no_database(open_to_all: Deployment) -> None:
    """Every request that is refused for what it is gets the status that it gets with one."""
    driver, alice = open_to_all.driver, fresh_id("alice")
    rows = [row for row in hostile.rows() if is_refused_unseen(row, driver)]
    found = {}
    async with signed_in(open_to_all, alice) as person:
        scene = Scene(person.tasks, driver.completion, alice, fresh_id("bob"), "11", "12", '"x"')
        for row in rows:
            octets = hostile.request(row, scene, authorization=person.authorization)
            async with wire.connected(open_to_all.url) as connection:
                response = await connection.exchange(octets, method=row["method"].upper())
            found[row["id"]] = response.status_code

    wrong = {
        row["id"]: found[row["id"]]
        for row in rows
        if found[row["id"]] not in expected_of(row, driver)
    }
    assert wrong == {}
    assert len(rows) >= LEAST


async def test_g_11_hostile_tokens_need_no_database(cut_off: Deployment) -> None:
    """A bad token is a bad token, and a good one for another user's path is 403."""
    alice, bob = fresh_id("alice"), fresh_id("bob")
    path = cut_off.driver.tasks_path(alice)
    found = {}
    for row in tokens.rows():
        # Without a user in the path, the token's own is the right one.
        if row["expect"] == 200 or (row["expect"] == 403 and not cut_off.driver.has_owner_in_path):
            continue
        sent = tokens.build(row, secret=SECRET, alice=alice, bob=bob, now=int(time.time()))
        octets = wire.request("GET", f"{path}?{sent.query}".rstrip("?"), sent.headers)
        async with wire.connected(cut_off.url) as connection:
            response = await connection.exchange(octets)
        oracles.check(response, cut_off.driver)
        if response.status_code != row["expect"]:
            found[row["id"]] = response.status_code

    assert found == {}


async def test_g_11_refused_calls_about_accounts_need_no_database() -> None:
    """Neither a body without sense nor a token that is none asks for a connection."""
    env = environment(AWAY, API_CONTRACTS=f"{ENVELOPE.name},{ACCOUNTS.name}", DATABASE_TIMEOUT="1")
    bodies = [b"{", b"[]", b"{}", b'{"email":5,"password":"x","refresh_token":7}', b" " * 65_537]
    async with serving(env) as served, client_for(served.url) as client:
        answers = [
            await client.post(path, content=body, headers=JSON)
            for path in (SIGN_UP, SIGN_IN, REFRESH)
            for body in bodies
        ]
        answers += [await client.post(SIGN_OUT, headers=bearer("a.b.c"))]
        answers += [await client.post(REFRESH, json={"refresh_token": "no such form"})]
        answers += [await client.post(SIGN_UP, json={"email": "x", "password": "y", "name": "z"})]

    assert [each.status_code for each in answers] == [400, 422, 422, 422, 413] * 3 + [401, 401, 422]
