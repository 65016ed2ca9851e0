"""Pages by cursor while tasks come, change and go: nothing is skipped, nothing comes twice."""

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.contracts.rich.lists import RichCaller, Task, fresh_rich_caller
from tests.support.server import Served

KEYS = ("created_at", "updated_at", "due_date", "priority", "title")
FILTERS: tuple[dict[str, Any], ...] = (
    {},
    {"status": "pending"},
    {"q": "a"},
    {"due_before": "2026-06-01"},
    {"priority": ["low", "high"]},
)
# Few values, so that ties are the rule.
tasks = st.fixed_dictionaries(
    {
        "title": st.sampled_from(["a", "A", "b", "Ba", "é", "\U0010ffff", "a" * 200]),
        "priority": st.sampled_from(["low", "medium", "high"]),
        "due_date": st.sampled_from([None, "2026-01-01", "2026-01-02", "9999-12-31T23:59:59Z"]),
    }
)
changes = st.one_of(
    st.tuples(st.just("insert"), tasks),
    st.tuples(st.just("delete"), st.integers(0, 100)),
    st.tuples(st.just("change"), st.integers(0, 100), tasks),
)
sorts = pytest.mark.parametrize("sort", [sign + key for key in KEYS for sign in ("", "-")])


class Walk:
    """One reader of a list, and somebody else who changes it between the pages."""

    def __init__(self, caller: RichCaller, parameters: dict[str, Any]) -> None:
        self._caller = caller
        self._parameters = parameters
        self._touched: set[int] = set()

    async def run(self, given: list[dict[str, Any]], between: list[list[Any]]) -> None:
        for each in given:
            await self._caller.given(**each)
        before = await self._whole()
        read: list[int] = []
        page = await self._caller.listed(**self._parameters)
        for number in range(len(given) + 100):
            read += [task["id"] for task in page["tasks"]]
            if page["next_cursor"] is None:
                break
            for change in between[number] if number < len(between) else ():
                await self._change(*change)
            page = await self._caller.listed(**self._parameters, cursor=page["next_cursor"])
        after = await self._whole()
        self._check(read, before, after)

    def _check(self, read: list[int], before: list[Task], after: list[Task]) -> None:
        kept = {task["id"] for task in before} & {task["id"] for task in after} - self._touched
        steady = [number for number in read if number not in self._touched]
        assert len(steady) == len(set(steady))
        assert [number for number in read if number in kept] == [
            task["id"] for task in before if task["id"] in kept
        ]

    async def _whole(self) -> list[Task]:
        found: list[Task] = (await self._caller.listed(**self._parameters | {"limit": 100}))[
            "tasks"
        ]
        return found

    async def _change(self, kind: str, *arguments: Any) -> None:
        if kind == "insert":
            await self._caller.given(**arguments[0])
            return
        present = (await self._caller.listed(limit=100))["tasks"]
        if not present:
            return
        task = present[arguments[0] % len(present)]
        if kind == "delete":
            await self._caller.delete(task)
        else:
            # What is moved in the order was not there throughout, in one place.
            self._touched.add(task["id"])
            await self._caller.put(task, **arguments[1])


async def walks(served: Served, sort: str, *, examples: int) -> None:
    """Have hypothesis make up so many walks through lists in this order."""
    loop = asyncio.get_running_loop()

    async def walk(
        made: list[dict[str, Any]], between: list[list[Any]], parameters: dict[str, Any]
    ) -> None:
        async with fresh_rich_caller(served.url, "walker") as caller:
            await Walk(caller, parameters).run(made, between)

    @settings(max_examples=examples, deadline=None, database=None)
    @given(
        made=st.lists(tasks, min_size=1, max_size=8),
        between=st.lists(st.lists(changes, max_size=3), max_size=5),
        limit=st.integers(1, 3),
        filters=st.sampled_from(FILTERS),
    )
    def holds(
        made: list[dict[str, Any]], between: list[list[Any]], limit: int, filters: dict[str, Any]
    ) -> None:
        wanted = {"sort": sort, "limit": limit, **filters}
        asyncio.run_coroutine_threadsafe(walk(made, between, wanted), loop).result()

    # Hypothesis calls plain functions; the server and the clients stay in this loop.
    await asyncio.to_thread(holds)


@sorts
async def test_fa_42_nothing_is_skipped_or_repeated(rich: Served, sort: str) -> None:
    """Whatever is inserted, deleted or changed: what stays put is read once, in its order."""
    await walks(rich, sort, examples=10)


@pytest.mark.slow
@sorts
async def test_fa_42_nothing_is_skipped_or_repeated_on_long_walks(rich: Served, sort: str) -> None:
    """The same, many times."""
    await walks(rich, sort, examples=200)
