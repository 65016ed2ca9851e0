"""Cursors over HTTP: whose they are, what for, and what becomes of others."""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlsplit

import asyncpg
import httpx
import pytest

from tests.contracts.rich.lists import (
    Listed,
    RichCaller,
    fresh_rich_caller,
    refusal,
    rich_caller,
    titles_of,
)
from tests.support.server import Served, environment, serving
from todo_backend.auth.claims import ClaimRules
from todo_backend.auth.shared_secret import SharedSecret
from todo_backend.database.embedded import EmbeddedPostgres

REFUSED = (
    400,
    "VALIDATION_INVALID_FORMAT",
    "cursor must be the next_cursor of a list with the same filters and the same sort",
)
OTHER_SECRET = "Another-secret-of-the-tests-9876543210-zyxwvuts"
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


async def given_page(caller: RichCaller, query: str = "") -> Listed:
    """Make tasks and read the first page of two of them."""
    for number in range(5):
        await caller.given(f"task {number}", due_date="2026-01-12")
    return await caller.listed(f"limit=2&{query}")


async def test_a_cursor_is_good_for_any_limit(alice: RichCaller) -> None:
    """How long the next page is, is for the next request to say."""
    cursor = (await given_page(alice))["next_cursor"]

    assert await alice.titles(cursor=cursor, limit=1) == ["task 2"]
    assert await alice.titles(cursor=cursor) == ["task 2", "task 1", "task 0"]


@pytest.mark.parametrize(
    ("query", "same"),
    [
        ("", "sort=-created_at&status=all&overdue=false"),
        ("priority=low&priority=medium", "priority=medium&priority=low&priority=low"),
        ("q=task++a", "q=a+task+a"),
        ("due_after=2026-01-11", "due_after=2026-01-11T01:00:00%2B01:00"),
        ("due_before=2026-01-13T00:00:00Z", "due_before=2026-01-12T22:00:00-0200"),
    ],
)
async def test_the_same_in_other_words(alice: RichCaller, query: str, same: str) -> None:
    """What filters and sort mean counts, and not how they are spelled."""
    cursor = (await given_page(alice, query))["next_cursor"]

    assert await alice.titles(f"{same}&cursor={cursor}") == ["task 2", "task 1", "task 0"]


@pytest.mark.parametrize("query", ["", "q=task", "sort=title", "status=pending"])
@pytest.mark.parametrize(
    "other",
    [
        "status=completed",
        "priority=medium",
        "due_after=2020-01-01",
        "due_before=2999-01-01",
        "overdue=true",
        "q=tas",
        "q=task+2",
        "sort=created_at",
        "sort=-title",
        "sort=due_date",
    ],
)
async def test_another_list(alice: RichCaller, query: str, other: str) -> None:
    """A cursor of one list is none of another, even where both hold the same tasks."""
    cursor = (await given_page(alice, query))["next_cursor"]

    assert refusal(await alice.asked(f"{other}&cursor={cursor}")) == REFUSED


async def test_is_30_another_user(alice: RichCaller, bob: RichCaller) -> None:
    """Nobody reads on where somebody else has stopped."""
    cursor = (await given_page(alice))["next_cursor"]
    await given_page(bob)

    assert refusal(await bob.asked(cursor=cursor)) == REFUSED


async def test_every_character_counts(alice: RichCaller) -> None:
    """A cursor with a single character changed, added or taken away is none."""
    cursor: str = (await given_page(alice))["next_cursor"]
    forged = [
        cursor[:at] + ALPHABET[(ALPHABET.index(cursor[at]) + 1) % 64] + cursor[at + 1 :]
        for at in range(len(cursor))
    ]
    forged += [cursor[:-1], cursor + "A", cursor + "=", cursor[1:], cursor.swapcase(), cursor * 2]

    answers = [refusal(await alice.asked(cursor=each)) for each in forged]

    assert set(answers) == {REFUSED}


@pytest.mark.parametrize(
    "garbage",
    [
        "",
        "A",
        "null",
        "é",
        "%ff",
        "a b",
        "_" * 44,
        "A" * 4096,
        "A" * 7000,
        base64.urlsafe_b64encode(bytes(32) + b'["2026-01-01T00:00:00Z",1]').decode(),
        base64.urlsafe_b64encode(bytes(32) + b"[" * 1000).decode(),
    ],
    ids=range(11),
)
async def test_garbage(alice: RichCaller, garbage: str) -> None:
    """Whatever it is, it is no cursor, and no defect."""
    assert refusal(await alice.asked(f"cursor={garbage}")) == REFUSED


async def test_twice(alice: RichCaller) -> None:
    """A page begins at one place."""
    cursor = (await given_page(alice))["next_cursor"]

    found = refusal(await alice.asked(f"cursor={cursor}&cursor={cursor}"))

    assert found == (400, REFUSED[1], "cursor must be given once")


async def test_not_with_an_offset(alice: RichCaller) -> None:
    """Not even with the offset that a page by cursor shows."""
    cursor = (await given_page(alice))["next_cursor"]

    found = refusal(await alice.asked(f"offset=0&cursor={cursor}"))

    assert found == (400, REFUSED[1], "cursor must not be given together with offset")


async def test_a_cursor_outlives_its_task(alice: RichCaller) -> None:
    """It is a place in the order, and stays one when the tasks around it go."""
    page = await given_page(alice)
    for task in page["tasks"]:
        await alice.delete(task)

    assert await alice.titles(cursor=page["next_cursor"]) == ["task 2", "task 1", "task 0"]


async def test_a_list_that_has_become_empty(alice: RichCaller) -> None:
    """Behind the last task there is nothing, and no error."""
    page = await given_page(alice)
    for task in (await alice.listed())["tasks"]:
        await alice.delete(task)

    rest = await alice.listed(cursor=page["next_cursor"])

    assert rest == {"tasks": [], "total": 0, "limit": 50, "offset": 0, "next_cursor": None}


# Deployments ----------------------------------------------------------------------------


@asynccontextmanager
async def deployed(
    postgres: EmbeddedPostgres, user_id: str, secret: str
) -> AsyncIterator[RichCaller]:
    """Serve the same database with a secret, and sign the user in there."""
    env = environment(postgres.url, API_CONTRACTS="rich", BETTER_AUTH_SECRET=secret)
    key = SharedSecret(secret, rules=ClaimRules())
    token = key.issue(user_id, now=datetime.now(UTC).timestamp(), lifetime_seconds=900)
    async with (
        serving(env) as served,
        rich_caller(served.url, user_id, token=token) as caller,
    ):
        yield caller


async def test_after_a_change_of_the_secret(postgres: EmbeddedPostgres, alice: RichCaller) -> None:
    """What the old secret sealed, the new one refuses."""
    cursor = (await given_page(alice))["next_cursor"]

    async with deployed(postgres, alice.user_id, OTHER_SECRET) as caller:
        assert len((await caller.listed())["tasks"]) == 5
        assert refusal(await caller.asked(cursor=cursor)) == REFUSED


async def test_every_process_opens_it(postgres: EmbeddedPostgres, rich: Served) -> None:
    """Two servers with one secret share their cursors."""
    async with fresh_rich_caller(rich.url, "alice") as alice:
        cursor = (await given_page(alice))["next_cursor"]

        async with (
            serving(environment(postgres.url, API_CONTRACTS="rich")) as other,
            rich_caller(other.url, alice.user_id) as there,
        ):
            assert await there.titles(cursor=cursor) == await alice.titles(cursor=cursor)


# Links and validators -------------------------------------------------------------------


def next_of(response: httpx.Response) -> str:
    """Return the address of the next page."""
    address: str = response.links["next"]["url"]
    return address


@pytest.mark.parametrize("offset", [0, 1])
@pytest.mark.parametrize(
    "query",
    [
        "",
        "status=pending&sort=-due_date&overdue=true",
        "priority=low&priority=medium&due_after=2020-01-01T00:00:00.5%2B02:00&due_before=2999-01-01",
        "q=%26%3D%23%3B+%3C%3E%22+%C3%A9%25",
    ],
)
async def test_the_link_leads_through_the_list(rich: Served, query: str, offset: int) -> None:
    """It repeats filters, sort and limit, percent-encoded, and is a path on this server."""
    async with fresh_rich_caller(rich.url, "a/b c<>é%") as alice:
        for number in range(5):
            text = '&=#; <>" É%'
            await alice.given(f"task {number}", description=text, due_date="2026-01-12")
        whole = await alice.titles(query)

        pages = [await alice.asked(f"{query}&limit=2&offset={offset}")]
        while "link" in pages[-1].headers:
            assert pages[-1].headers["link"] == f'<{next_of(pages[-1])}>; rel="next"'
            assert next_of(pages[-1]).startswith(f"{alice.tasks}?")
            pages.append(await alice.client.get(next_of(pages[-1])))

    assert len(whole) == 5
    assert [title for page in pages for title in titles_of(page.json())] == whole[offset:]
    assert pages[-1].json()["next_cursor"] is None
    for page in pages[:-1]:
        sent = dict(parse_qsl(urlsplit(next_of(page)).query))
        assert sent["cursor"] == page.json()["next_cursor"]
        assert sent["limit"] == "2"
        assert "offset" not in sent


@pytest.mark.parametrize("query", ["", "sort=title", "q=task", "overdue=true", "limit=2"])
async def test_a_list_that_is_known_is_not_sent_again(alice: RichCaller, query: str) -> None:
    """Its tag is weak, good for the next request, and another one after a change."""
    await given_page(alice)
    first = await alice.asked(query)
    tag = first.headers["etag"]

    again = await alice.client.get(first.request.url, headers={"if-none-match": tag})
    await alice.given("task 5", due_date="2026-01-12")
    changed = await alice.client.get(first.request.url, headers={"if-none-match": tag})

    assert tag.startswith('W/"r-')
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert changed.status_code == 200
    assert changed.headers["etag"] != tag


async def test_what_becomes_overdue_is_another_list(
    alice: RichCaller, superuser: asyncpg.Connection
) -> None:
    """It changes while nobody changes a task, and its tag changes with it."""
    await alice.given("soon", due_date="2999-01-01")
    before = await alice.asked("overdue=true")
    tag = before.headers["etag"]

    # Behind the functions' back, and so without a new version of the list, like time itself.
    await superuser.execute(
        "UPDATE tasks SET due_date = '2020-01-01' WHERE user_id = $1", alice.user_id
    )
    after = await alice.client.get(before.request.url, headers={"if-none-match": tag})

    assert titles_of(before.json()) == []
    assert titles_of(after.json()) == ["soon"]
    assert after.headers["etag"] != tag
