"""Calls of the task functions (sql/tasks.sql, sql/chunks.sql): the only way to the tasks' rows."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from functools import partial
from typing import Final

import asyncpg

from todo_backend.database.arguments import COMPLETED, array
from todo_backend.database.functions import Shape
from todo_backend.database.pool import Pool
from todo_backend.model.attempt import Attempt, KeyTaken
from todo_backend.model.principal import Principal
from todo_backend.model.task import (
    UNSET,
    Listing,
    NewTask,
    Order,
    Refusal,
    Rendered,
    RenderedChunk,
    RenderedList,
    RenderedPage,
    TaskChange,
    TaskId,
    Window,
)

CHUNK_TASKS: Final = 100
"""How many tasks of a list are read at once: 1.4 MB, if each character has to be escaped."""
_NO_LIMIT: Final = 2**63 - 1
_START: Final = (None, None, None)
_KEEP: Final = False
_TOGGLE: Final = True
_REPLAYED: Final = "replayed"
_REFUSALS: Final = {refusal.value: refusal for refusal in Refusal}
_TAKEN: Final = {taken.value: taken for taken in KeyTaken}


class TaskFunctions:
    """The task functions of one contract, which answer in its `shape`.

    Every method raises DatabaseUnavailable. `if_versions` is a condition: the row is left alone
    (CONFLICT) when it is at none of them; None is no condition.
    """

    def __init__(self, pool: Pool, shape: Shape) -> None:
        self._pool = pool
        self._contract = shape.name
        # The name is of our own making: a contract's, and hexadecimal digits.
        schema = shape.schema
        self._list = f"SELECT * FROM {schema}.list_tasks($1, $2, $3, $4, $5::text::bigint[])"  # noqa: S608 - as above
        self._chunk = (
            f"SELECT * FROM {schema}.list_chunk("  # noqa: S608 - as above
            "$1, $2, $3, $4, $5, $6::text::bigint[], $7, $8, $9)"
        )
        self._get = f"SELECT * FROM {schema}.get_task($1, $2)"  # noqa: S608 - as above
        self._create = f"SELECT * FROM {schema}.create_task($1, $2, $3, $4, $5, $6, $7)"  # noqa: S608 - as above
        self._create_once = (
            f"SELECT * FROM {schema}.create_task_once($1, $2, $3, $4, $5, $6, $7, $8, $9)"  # noqa: S608 - as above
        )
        self._update = (
            f"SELECT * FROM {schema}.update_task("  # noqa: S608 - as above
            "$1, $2, $3::text::bigint[], $4, $5, $6, $7, $8, $9, $10, $11)"
        )
        self._delete = f"SELECT {schema}.delete_task($1, $2, $3::text::bigint[])"

    async def page(
        self, owner: Principal, window: Window, *, known_versions: Sequence[int] | None
    ) -> RenderedPage:
        """Read one page; without its items if the list is at one of `known_versions`."""
        items, total, version = await self._pool.read(
            self._list,
            owner.user_id,
            COMPLETED[window.status],
            window.limit,
            window.offset,
            array(known_versions),
        )
        return RenderedPage(items=items, total=total, version=version)

    async def listing(
        self, owner: Principal, wanted: Listing, *, known_versions: Sequence[int] | None
    ) -> RenderedList:
        """Read the first chunk of a list, and the others as they are taken.

        No connection is held between two chunks, and taking one may raise DatabaseUnavailable.
        Without chunks if the list is at one of `known_versions`.
        """
        limit = _NO_LIMIT if wanted.limit is None else wanted.limit
        first = await self._pool.read(
            self._chunk,
            *_chosen(owner, wanted, limit),
            wanted.offset,
            array(known_versions),
            *_START,
        )
        items, *_, total, version = first
        chunks = None
        if items is not None:
            read = partial(self._pool.read, self._chunk)
            chunks = _Chunks(read, owner, wanted, limit=limit, first=first)
        return RenderedList(chunks, total=total, version=version)

    async def get(self, owner: Principal, task_id: TaskId) -> Rendered | Refusal:
        outcome, body, found, version = await self._pool.read(self._get, owner.user_id, task_id)
        return _REFUSALS.get(outcome) or Rendered(body, found, version)

    async def create(self, owner: Principal, draft: NewTask) -> Rendered:
        """Create a task and, on first sight, its owner."""
        body, task_id, version = await self._pool.write(
            self._create,
            owner.user_id,
            owner.email,
            owner.name,
            draft.title,
            draft.description,
            draft.priority,
            draft.due_date,
        )
        return Rendered(body, task_id, version)

    async def create_once(
        self, owner: Principal, draft: NewTask, attempt: Attempt
    ) -> Rendered | KeyTaken:
        """Create a task, or return what an earlier attempt of the same request has created."""
        outcome, body, task_id, version = await self._pool.write_once(
            self._create_once,
            owner.user_id,
            owner.email,
            owner.name,
            attempt.key,
            attempt.fingerprint(self._contract),
            draft.title,
            draft.description,
            draft.priority,
            draft.due_date,
        )
        is_replayed = outcome == _REPLAYED
        return _TAKEN.get(outcome) or Rendered(body, task_id, version, is_replayed=is_replayed)

    async def change(
        self,
        owner: Principal,
        task_id: TaskId,
        change: TaskChange,
        *,
        if_versions: Sequence[int] | None,
    ) -> Rendered | Refusal:
        """Change the fields that are set; a change to the same values writes nothing."""
        return await self._update_task(
            owner.user_id,
            task_id,
            array(if_versions),
            None if change.title is UNSET else change.title,
            change.description is not UNSET,
            None if change.description is UNSET else change.description,
            None if change.completed is UNSET else change.completed,
            _KEEP,
            None if change.priority is UNSET else change.priority,
            change.due_date is not UNSET,
            None if change.due_date is UNSET else change.due_date,
        )

    async def toggle(
        self, owner: Principal, task_id: TaskId, *, if_versions: Sequence[int] | None
    ) -> Rendered | Refusal:
        """Turn `completed` round, whatever it is at that moment."""
        return await self._update_task(
            owner.user_id,
            task_id,
            array(if_versions),
            *(None, _KEEP, None, None, _TOGGLE, None, _KEEP, None),
        )

    async def delete(
        self, owner: Principal, task_id: TaskId, *, if_versions: Sequence[int] | None
    ) -> Refusal | None:
        (outcome,) = await self._pool.write(
            self._delete, owner.user_id, task_id, array(if_versions)
        )
        return _REFUSALS.get(outcome)

    async def _update_task(self, *arguments: object) -> Rendered | Refusal:
        outcome, body, task_id, version = await self._pool.write(self._update, *arguments)
        return _REFUSALS.get(outcome) or Rendered(body, task_id, version)


class _Chunks(AsyncIterator[RenderedChunk]):
    """The chunks of a list from its `first` one on, `limit` tasks at most.

    Between two of them it knows where to go on, and keeps neither: a client may take its time, and
    there may be many. (A generator would keep the last one until it has the next.)
    """

    __slots__ = ("_found", "_left", "_owner", "_position", "_read", "_wanted")

    def __init__(
        self,
        read: Callable[..., Awaitable[asyncpg.Record]],
        owner: Principal,
        wanted: Listing,
        *,
        limit: int,
        first: asyncpg.Record,
    ) -> None:
        self._read = read
        self._owner = owner
        self._wanted = wanted
        self._left = limit
        self._found: asyncpg.Record | None = first
        self._position: Sequence[object] = _START

    async def __anext__(self) -> RenderedChunk:
        found, self._found = self._found, None
        if found is None:
            if not self._position:
                raise StopAsyncIteration
            found = await self._read(
                *_chosen(self._owner, self._wanted, self._left), 0, None, *self._position
            )
        items, count, *position, _, _ = found
        self._left -= count
        is_last = position[-1] is None or not self._left
        self._position = () if is_last else position
        return RenderedChunk(items, count, is_last=is_last)


def _chosen(owner: Principal, wanted: Listing, limit: int) -> tuple[object, ...]:
    by_title = wanted.order is Order.TITLE
    return owner.user_id, COMPLETED[wanted.status], by_title, min(limit, CHUNK_TASKS)
