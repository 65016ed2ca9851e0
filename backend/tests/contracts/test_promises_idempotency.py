"""`Idempotency-Key`: a creation that is sent again creates nothing more."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from secrets import token_hex
from typing import Any, Final

import asyncpg
import httpx
import pytest

from tests.contracts import wire
from tests.contracts.people import Person
from todo_backend.contracts import CONTRACTS

JSON: Final = ("content-type", "application/json")
GOOD_KEYS: Final = ["a", "!~", '"quoted"', "k" * 255, "W/x,y;z=%00\\"]
BAD_KEYS: Final = {
    "empty": [b""],
    "blanks": [b"  \t"],
    "a blank inside": [b"a b"],
    "a tab inside": [b"a\tb"],
    "too long": [b"k" * 256],
    "not ASCII": ["schl\u00fcssel".encode()],
    "Latin-1": [b"\xe9"],
    "two": [b"a", b"b"],
    "the same one twice": [b"a", b"a"],
    "one and an empty one": [b"a", b""],
}
CONTROLS: Final = {
    "a control": b"a\x01b",
    "a null": b"a\x00b",
    "a line end": b"a\rb",
    "delete": b"a\x7f",
}


def fresh_key() -> str:
    return token_hex(16)


async def create(user: Person, key: str | None, title: str = "Buy milk") -> httpx.Response:
    headers = {} if key is None else {"idempotency-key": key}
    return await user.client.post(user.tasks, json={"title": title}, headers=headers)


async def sent(user: Person, keys: list[bytes], content: bytes = b'{"title":"x"}') -> Any:
    """Create with these headers, octet by octet."""
    headers: list[wire.Field] = [user.authorization, JSON]
    headers += [("idempotency-key", key) for key in keys]
    async with wire.connected(user.deployment.url) as connection:
        return await connection.exchange(wire.request("POST", user.tasks, headers, content))


def assert_replayed(again: httpx.Response, first: httpx.Response) -> None:
    """Assert that it is the first answer byte for byte, and says that it is a replay."""
    assert (again.status_code, again.content) == (first.status_code, first.content)
    for name in ("etag", "location", "content-type", "cache-control"):
        assert again.headers[name] == first.headers[name]
    assert again.headers["idempotent-replayed"] == "true"


async def assert_made_anew(user: Person, response: httpx.Response, *, tasks: int) -> None:
    assert response.status_code == 201
    assert "idempotent-replayed" not in response.headers
    assert len(await user.listed()) == tasks


@asynccontextmanager
async def still_running(
    superuser: asyncpg.Connection, user: Person, key: str
) -> AsyncIterator[None]:
    """Hold what the first request with this key holds until it ends."""
    schema = CONTRACTS[user.driver.name].shape.schema
    async with superuser.transaction():
        await superuser.execute(
            f"SELECT pg_advisory_xact_lock({schema}.lock_of($1, $2))", user.user_id, key
        )
        yield


async def test_fa_31_the_same_again_gets_the_first_answer(user: Person) -> None:
    """However often it is sent: the same bytes, and one task."""
    key = fresh_key()
    first = await create(user, key)

    again = [await create(user, key) for _ in range(3)]

    await assert_made_anew(user, first, tasks=1)
    for each in again:
        assert_replayed(each, first)


@pytest.mark.parametrize("key", GOOD_KEYS)
async def test_a_key_is_taken_as_it_stands(user: Person, key: str) -> None:
    """Any visible characters: quotes belong to it, and another key is another task."""
    first, again = await create(user, key), await create(user, key)
    other = await create(user, f"{key}x"[-255:] if len(key) < 255 else "x" * 255)

    assert_replayed(again, first)
    await assert_made_anew(user, other, tasks=2)


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
async def test_fa_31_an_answer_is_replayed_whatever_has_become_of_the_task(
    user: Person, method: str
) -> None:
    """Changed, completed or deleted meanwhile: the first bytes, and the task is left alone."""
    key = fresh_key()
    first = await create(user, key)
    task = user.driver.task_of(first.json())
    path = user.completion(task) if method == "PATCH" else user.path(task)
    body = {"title": "Changed"} if method == "PUT" else None
    assert (await user.client.request(method, path, json=body)).is_success
    before = await user.listed()

    again = await create(user, key)

    assert_replayed(again, first)
    assert await user.listed() == before != [task]


async def test_fa_32_another_body_is_refused(user: Person) -> None:
    """Even one that says the same in other bytes; nothing is made, and the first is still there."""
    key = fresh_key()
    first = await create(user, key)
    same = json.dumps({"title": "Buy milk"}, indent=2).encode()

    refused = [await create(user, key, "Buy bread"), await sent(user, [key.encode()], same)]

    for each in refused:
        body = user.refused(each, user.driver.refusals.key_reused)
        assert "Idempotency-Key" in json.dumps(body)
    assert_replayed(await create(user, key), first)
    assert len(await user.listed()) == 1


async def test_fa_33_twenty_at_once_make_one_task(user: Person) -> None:
    """One is the first; the others are told to come back, or get its answer."""
    key = fresh_key()

    answers = await asyncio.gather(*(create(user, key) for _ in range(20)))

    made = [each for each in answers if each.status_code == 201]
    (first,) = [each for each in made if "idempotent-replayed" not in each.headers]
    for each in answers:
        if each.status_code != 201:
            user.refused(each, user.driver.refusals.key_in_use)
        elif each is not first:
            assert_replayed(each, first)
    assert len(await user.listed()) == 1
    assert_replayed(await create(user, key), first)


async def test_fa_33_the_first_still_runs(user: Person, superuser: asyncpg.Connection) -> None:
    """409 with a time to come back; other keys and other requests don't wait."""
    key = fresh_key()

    async with still_running(superuser, user, key):
        refused = await create(user, key)
        others = [await create(user, fresh_key()), await create(user, None)]

    user.refused(refused, user.driver.refusals.key_in_use)
    assert refused.headers["retry-after"] == "1"
    assert [each.status_code for each in others] == [201, 201]
    await assert_made_anew(user, await create(user, key), tasks=3)


async def test_fa_34_is_12_a_key_is_its_users_own(
    user: Person, stranger: Person, superuser: asyncpg.Connection
) -> None:
    """Another user's same key is another key: used, in use or for another body, nobody can tell."""
    key = fresh_key()
    first = await create(user, key, "What nobody else may read")

    theirs = await create(stranger, key)
    busy = fresh_key()
    async with still_running(superuser, user, busy):
        also_theirs = await create(stranger, busy)

    await assert_made_anew(stranger, theirs, tasks=2)
    await assert_made_anew(stranger, also_theirs, tasks=2)
    assert_replayed(await create(stranger, key), theirs)
    assert_replayed(await create(user, key, "What nobody else may read"), first)


@pytest.mark.parametrize("values", BAD_KEYS.values(), ids=BAD_KEYS)
async def test_fa_35_what_is_no_key_is_refused(user: Person, values: list[bytes]) -> None:
    """400, which names the header, and nothing is made."""
    response = await sent(user, values)

    body = user.refused(response, user.driver.refusals.bad_key)
    assert "Idempotency-Key" in json.dumps(body)
    assert await user.listed() == []


@pytest.mark.parametrize("value", CONTROLS.values(), ids=CONTROLS)
async def test_fa_35_a_control_character_is_refused(user: Person, value: bytes) -> None:
    """As a key or as no HTTP at all: 400 either way."""
    response = await sent(user, [value])

    assert response.status_code == 400
    assert await user.listed() == []


async def test_fa_30_without_a_key_each_is_a_task_of_its_own(user: Person) -> None:
    """Nobody can tell a retry from a second wish."""
    first, second = await create(user, None), await create(user, None)

    await assert_made_anew(user, first, tasks=2)
    await assert_made_anew(user, second, tasks=2)


async def test_a_bad_key_comes_after_the_syntax_and_before_the_rules(user: Person) -> None:
    """Of two things wrong, the one that is found first."""
    refusals = user.driver.refusals

    no_json = await sent(user, [b"a b"], b"{")
    no_title = await sent(user, [b"a b"], b"{}")

    assert "Idempotency-Key" not in json.dumps(user.refused(no_json, refusals.malformed))
    assert "Idempotency-Key" in json.dumps(user.refused(no_title, refusals.bad_key))


async def test_a_request_that_is_refused_leaves_its_key_free(user: Person) -> None:
    """Whoever mends the body may keep the key."""
    key = fresh_key()
    refused = await create(user, key, "")

    mended = await create(user, key)

    user.refused(refused, user.driver.refusals.required)
    await assert_made_anew(user, mended, tasks=1)


async def test_a_key_is_free_again_after_a_day(user: Person, superuser: asyncpg.Connection) -> None:
    """It is kept for 24 hours; then it is as if it had never been, for the same body and others."""
    key = fresh_key()
    await create(user, key)
    kept = await superuser.fetchval(
        "SELECT extract(epoch FROM expires_at - now()) FROM idempotency_keys WHERE key = $1", key
    )

    async def pass_a_day() -> None:
        await superuser.execute(
            "UPDATE idempotency_keys SET expires_at = expires_at - interval '24 hours'"
            " WHERE key = $1",
            key,
        )

    await pass_a_day()
    same = await create(user, key)
    await pass_a_day()
    other = await create(user, key, "Buy bread")

    assert 24 * 3600 - 60 < kept <= 24 * 3600
    assert "idempotent-replayed" not in same.headers
    await assert_made_anew(user, other, tasks=3)
    assert_replayed(await create(user, key, "Buy bread"), other)


async def test_other_calls_take_no_notice_of_a_key(user: Person) -> None:
    """What changes nothing, or changes to what it says, needs none."""
    task = await user.given_task()
    headers = {"idempotency-key": "no key at all"}

    answers = [
        await user.client.get(user.tasks, headers=headers),
        await user.client.put(user.path(task), json={"title": "x"}, headers=headers),
        await user.client.delete(user.path(task), headers=headers),
    ]

    assert all(each.is_success for each in answers)
