"""Filters, orders and parts of a list in the plain contract."""

from typing import Any

import asyncpg
import pytest

from tests.contracts.plain import golden
from tests.contracts.plain.golden import given_task
from tests.support.many import given_many
from tests.support.users import Caller


async def listed(caller: Caller, query: str = "") -> dict[str, Any]:
    response = await caller.client.get(f"{caller.tasks}{query}")
    assert response.status_code == 200, response.text
    data: dict[str, Any] = response.json()
    assert data.keys() == {"tasks", "count"}
    return data


async def titles(caller: Caller, query: str = "") -> list[str]:
    return [task["title"] for task in (await listed(caller, query))["tasks"]]


async def given_tasks(caller: Caller, count: int, *, done: int = 0) -> list[str]:
    """Create tasks, the first `done` of them completed; return the titles, newest first."""
    for number in range(count):
        task = await given_task(caller, f"task {number}")
        if number < done:
            await caller.client.patch(f"{caller.tasks}/{task['id']}/complete")
    return [f"task {number}" for number in reversed(range(count))]


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("", slice(0, 5)),
        ("?limit=2", slice(0, 2)),
        ("?offset=2", slice(2, 5)),
        ("?limit=2&offset=2", slice(2, 4)),
        ("?limit=2&offset=4", slice(4, 5)),
        ("?limit=5", slice(0, 5)),
        ("?limit=5&offset=5", slice(5, 5)),
        ("?limit=9223372036854775807", slice(0, 5)),
        ("?offset=9223372036854775807", slice(5, 5)),
        ("?limit=9223372036854775807&offset=9223372036854775807", slice(5, 5)),
        ("?limit=%32&offset=%32&unknown=1", slice(2, 4)),
    ],
)
async def test_all_tasks_are_listed_unless_a_part_is_asked_for(
    alice: Caller, query: str, shown: slice
) -> None:
    """`count` is of all that the filter matches, shown or not."""
    expected = await given_tasks(alice, 5)

    data = await listed(alice, query)

    assert [task["title"] for task in data["tasks"]] == expected[shown]
    assert data["count"] == 5


@pytest.mark.parametrize("sort", ["created", "title"])
@pytest.mark.parametrize(
    ("status", "shown"),
    [("all", slice(0, 5)), ("pending", slice(0, 3)), ("completed", slice(3, 5))],
)
async def test_status_filters_and_count_is_of_what_it_matches(
    alice: Caller, status: str, shown: slice, sort: str
) -> None:
    """The newest three are pending, the oldest two are done."""
    expected = (await given_tasks(alice, 5, done=2))[shown]
    if sort == "title":
        expected.sort()

    whole = await listed(alice, f"?status={status}&sort={sort}")
    part = await listed(alice, f"?status={status}&sort={sort}&limit=1&offset=1")

    assert [task["title"] for task in whole["tasks"]] == expected
    assert [task["title"] for task in part["tasks"]] == expected[1:2]
    assert whole["count"] == part["count"] == len(expected)


async def test_titles_are_sorted_without_regard_to_case(alice: Caller) -> None:
    """By the code points of the small letters, and ties by the order of creation."""
    created = ["b", "B", "a", "\u00c9", "A", "\u00e9", "10", "9", "_", "ab", "a b"]
    for title in created:
        await given_task(alice, title)

    found = await titles(alice, "?sort=title")

    assert found == sorted(created, key=str.lower)
    assert found == ["10", "9", "_", "a", "A", "a b", "ab", "b", "B", "\u00c9", "\u00e9"]


async def test_list_of_any_length_is_the_same_bytes(
    alice: Caller, superuser: asyncpg.Connection
) -> None:
    """A long list comes in pieces, and put together they are what a short one is."""
    await given_many(superuser, alice.user_id, 1234)

    whole = await alice.client.get(alice.tasks)
    part = await alice.client.get(f"{alice.tasks}?limit=1000&offset=234")

    rows = await golden.rows_of(superuser, alice)
    assert whole.content == golden.tasks(rows, 1234)
    assert part.content == golden.tasks(rows[234:], 1234)
