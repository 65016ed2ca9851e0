"""The task functions with a wall taken down: what is left has to hold alone."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

import asyncpg

from tests.database.databases import ALL, SHAPES, database, opened, session
from todo_backend.database import functions, migrate
from todo_backend.database.functions import RUNTIME_ROLE, Shape
from todo_backend.database.search import SearchFunctions
from todo_backend.database.tasks import TaskFunctions
from todo_backend.database.url import ConnectArgs
from todo_backend.model.principal import Principal
from todo_backend.model.search import Filters, Position, Search, Sort, SortKey
from todo_backend.model.tables import OWNED
from todo_backend.model.task import (
    Listing,
    NewTask,
    Order,
    Refusal,
    RenderedPage,
    Status,
    TaskId,
    Window,
)

CONTRACTS_SHAPES: Final = [each for each in SHAPES if isinstance(each, Shape)]
# How the functions spell "of this user", on the rows of tasks (t), counters (c) and keys (k).
FILTER: Final = re.compile(r"\b[ckt]\.user_id = p_user_id\b")
# Every place where rows are read, changed or deleted; each has to have its filter.
ROWS: Final = re.compile(
    r"\b(?:FROM|JOIN|UPDATE|USING|,)\s+(?:tasks t|task_counters c|idempotency_keys k|users\b)"
)
ANY_ROWS: Final = re.compile(
    r"\b(?:FROM|JOIN|UPDATE|USING)\s+(?:tasks|task_counters|idempotency_keys|users)\b"
)
DYNAMIC: Final = re.compile(r"\bEXECUTE\b")
_MOMENTS: Final = ("1970-01-01T00:00:00Z", "2999-12-31T00:00:00Z")
# The first and the last place of an order, or near them, as a cursor would name them.
MADE_UP: Final[Mapping[SortKey, tuple[str | None, ...]]] = {
    SortKey.CREATED_AT: _MOMENTS,
    SortKey.UPDATED_AT: _MOMENTS,
    SortKey.DUE_DATE: (*_MOMENTS, None),
    SortKey.PRIORITY: ("1", "2", "3"),
    SortKey.TITLE: ("", "\U0010ffff"),
}
SORTS: Final = [Sort(key, descending) for key in SortKey for descending in (False, True)]


def bare(text: str) -> str:
    """Take every filter by user out of statements, and hold that there was one at every place."""
    text = re.sub(r"--.*", "", text)
    places = len(ROWS.findall(text))
    assert len(ANY_ROWS.findall(text)) == places, "rows are read in a way unknown here"
    assert not DYNAMIC.search(text), "a statement is made at run time"
    text, removed = FILTER.subn("true", text)
    assert removed == places, "rows are read without a filter, or it is unknown here"
    assert "user_id =" not in text, "a filter is spelled in a way unknown here"
    assert "= p_user_id" not in text, "a filter is spelled in a way unknown here"
    return text


class WithoutFilters(Shape):
    """The functions as they would be if nobody had thought of a filter."""

    def scripts(self) -> Mapping[str, str]:
        scripts = super().scripts()
        return {**scripts, RUNTIME_ROLE: bare(scripts[RUNTIME_ROLE])}


@dataclass(frozen=True, slots=True)
class Walls:
    """One contract's functions with a wall missing, and a connection that sees every row."""

    shape: Shape
    tasks: TaskFunctions
    search: SearchFunctions
    truth: asyncpg.Connection

    @property
    def to_strangers(self) -> Refusal:
        """What a stranger hears of a task that there is."""
        return Refusal.STRANGERS if self.shape.tells_strangers else Refusal.MISSING

    async def given_task(self, owner: Principal, title: str = "Buy milk") -> TaskId:
        return (await self.tasks.create(owner, NewTask(title, None))).task_id

    async def lists(self, owner: Principal, words: tuple[str, ...] = ()) -> list[RenderedPage]:
        """Read all that shows many tasks, in every order: pages, chunks and searches."""
        found = [
            await self.tasks.page(owner, Window(status, 100, 0), known_versions=None)
            for status in Status
        ]
        found += [await self._whole(owner, order) for order in Order]
        for sort in SORTS:
            for filters in (Filters(), Filters(Status.PENDING), Filters(words=words or ("e",))):
                found.append(await self.found(owner, Search(filters, sort, limit=100)))
        return found

    async def found(self, owner: Principal, wanted: Search) -> RenderedPage:
        page = await self.search.page(owner, wanted, known_versions=None)
        return RenderedPage(page.items, page.total, page.version)

    async def behind(self, owner: Principal, sort: Sort, task_id: TaskId) -> list[RenderedPage]:
        """Read the pages that begin behind positions which a client has made up."""
        return [
            await self.found(owner, Search(filters, sort, limit=100, after=Position(key, task_id)))
            for key in MADE_UP[sort.key]
            for filters in (Filters(), Filters(Status.PENDING), Filters(words=("i",)))
        ]

    async def _whole(self, owner: Principal, order: Order) -> RenderedPage:
        found = await self.tasks.listing(owner, Listing(Status.ALL, order), known_versions=None)
        assert found.chunks is not None
        items = [chunk.items async for chunk in found.chunks if chunk.items]
        return RenderedPage(f"[{','.join(items)}]", found.total, found.version)

    async def total(self, owner: Principal) -> int:
        return (await self.tasks.page(owner, ALL, known_versions=None)).total


Ablation = Callable[[asyncpg.Connection, list[Shape]], Awaitable[list[Shape]]]


async def without_filters(truth: asyncpg.Connection, shapes: list[Shape]) -> list[Shape]:
    bare = [WithoutFilters(f"un{each.name}", each.sql, each.tells_strangers) for each in shapes]
    async with truth.transaction():
        for each in bare:
            assert await functions.install(truth, each)
    return list(bare)


async def without_policies(truth: asyncpg.Connection, shapes: list[Shape]) -> list[Shape]:
    for table in OWNED:
        await truth.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
    return shapes


async def without_either(truth: asyncpg.Connection, shapes: list[Shape]) -> list[Shape]:
    return await without_filters(truth, await without_policies(truth, shapes))


async def ablated(address: ConnectArgs, ablation: Ablation) -> AsyncIterator[dict[str, Walls]]:
    """Give every contract's functions with a wall missing, in a database of their own."""
    async with database(address) as args, session(args) as truth:
        await migrate.up(args, SHAPES)
        shapes = await ablation(truth, CONTRACTS_SHAPES)
        async with opened(args) as found:
            yield {
                each.name: Walls(whole, found.tasks(whole), found.search(whole), truth)
                for each, whole in zip(CONTRACTS_SHAPES, shapes, strict=True)
            }
