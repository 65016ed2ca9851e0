"""Pages and filters of the envelope contract."""

from typing import Any

import pytest

from tests.support.users import Caller


async def listed(caller: Caller, query: str = "") -> dict[str, Any]:
    response = await caller.client.get(f"{caller.tasks}{query}")
    assert response.status_code == 200, response.text
    data: dict[str, Any] = response.json()["data"]
    assert data.keys() == {"tasks", "total", "page", "limit"}
    return data


async def given_tasks(caller: Caller, count: int, *, done: int = 0) -> list[str]:
    """Create tasks, the first `done` of them completed; return the titles, newest first."""
    for number in range(count):
        task = await caller.given_task(f"task {number}")
        if number < done:
            await caller.client.patch(f"{caller.tasks}/{task['id']}/complete")
    return [f"task {number}" for number in reversed(range(count))]


@pytest.mark.parametrize(
    ("query", "page", "limit", "shown"),
    [
        ("", 1, 50, slice(0, 5)),
        ("?limit=2", 1, 2, slice(0, 2)),
        ("?limit=2&offset=2", 2, 2, slice(2, 4)),
        ("?limit=2&offset=4", 3, 2, slice(4, 5)),
        ("?limit=2&offset=1", 1, 2, slice(1, 3)),
        ("?limit=2&offset=3", 2, 2, slice(3, 5)),
        ("?limit=1&offset=4", 5, 1, slice(4, 5)),
        ("?limit=100", 1, 100, slice(0, 5)),
        ("?limit=5&offset=5", 2, 5, slice(5, 5)),
        ("?limit=3&offset=1000", 334, 3, slice(5, 5)),
        ("?offset=49", 1, 50, slice(5, 5)),
        ("?offset=50", 2, 50, slice(5, 5)),
        ("?offset=9223372036854775807", 184467440737095517, 50, slice(5, 5)),
        ("?limit=2&offset=2&unknown=1", 2, 2, slice(2, 4)),
        ("?limit=%32&offset=%32", 2, 2, slice(2, 4)),
    ],
)
async def test_page_is_offset_over_limit(
    alice: Caller, query: str, page: int, limit: int, shown: slice
) -> None:
    """`page` is offset ÷ limit rounded down, plus 1; `total` counts all, shown or not."""
    titles = await given_tasks(alice, 5)

    data = await listed(alice, query)

    assert [task["title"] for task in data.pop("tasks")] == titles[shown]
    assert data == {"total": 5, "page": page, "limit": limit}


@pytest.mark.parametrize(
    ("status", "shown"),
    [("all", slice(0, 5)), ("pending", slice(0, 3)), ("completed", slice(3, 5))],
)
async def test_status_filters_and_total_counts_what_it_matches(
    alice: Caller, status: str, shown: slice
) -> None:
    """The newest three are pending, the oldest two are done."""
    titles = (await given_tasks(alice, 5, done=2))[shown]

    whole = await listed(alice, f"?status={status}")
    part = await listed(alice, f"?status={status}&limit=1&offset=1")

    assert [task["title"] for task in whole["tasks"]] == titles
    assert [task["title"] for task in part["tasks"]] == titles[1:2]
    assert whole["total"] == part["total"] == len(titles)
    assert part["page"] == 2


async def test_total_follows_every_change(alice: Caller, bob: Caller) -> None:
    """Counters are kept, not counted: they stay right through each way to change them."""
    await bob.given_task()
    task, other = await alice.given_task("one"), await alice.given_task("two")
    path, other_path = f"{alice.tasks}/{task['id']}", f"{alice.tasks}/{other['id']}"

    async def totals() -> tuple[int, ...]:
        data = [await listed(alice, f"?status={s}") for s in ("all", "pending", "completed")]
        assert [len(each["tasks"]) for each in data] == [each["total"] for each in data]
        return tuple(each["total"] for each in data)

    assert await totals() == (2, 2, 0)
    await alice.client.patch(f"{path}/complete")
    assert await totals() == (2, 1, 1)
    await alice.client.patch(f"{path}/complete", json={"completed": True})
    assert await totals() == (2, 1, 1)
    await alice.client.put(other_path, json={"title": "two", "completed": True})
    assert await totals() == (2, 0, 2)
    await alice.client.put(other_path, json={"title": "two", "completed": True})
    assert await totals() == (2, 0, 2)
    await alice.client.delete(path)
    assert await totals() == (1, 0, 1)
    await alice.client.delete(path)
    await alice.client.put(other_path, json={"title": ""})
    assert await totals() == (1, 0, 1)
    await alice.client.put(other_path, json={"title": "two", "completed": False})
    assert await totals() == (1, 1, 0)
    await alice.client.delete(other_path)
    assert await totals() == (0, 0, 0)


async def test_more_than_a_page(alice: Caller) -> None:
    """The default limit is 50, the most is 100, and pages put together are the whole."""
    titles = await given_tasks(alice, 101)

    pages = [await listed(alice, f"?limit=25&offset={offset}") for offset in range(0, 125, 25)]
    shown = [task["title"] for page in pages for task in page["tasks"]]

    assert shown == titles
    assert [page["page"] for page in pages] == [1, 2, 3, 4, 5]
    assert len((await listed(alice))["tasks"]) == 50
    assert len((await listed(alice, "?limit=100"))["tasks"]) == 100
