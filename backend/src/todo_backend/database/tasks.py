"""Calls of the task functions (sql/tasks.sql): the only way to the tasks' rows."""

from collections.abc import Sequence
from typing import Final

from todo_backend.database.functions import Shape
from todo_backend.database.pool import Pool
from todo_backend.model.principal import Principal
from todo_backend.model.task import (
    UNSET,
    NewTask,
    Refusal,
    Rendered,
    RenderedPage,
    Status,
    TaskChange,
    TaskId,
    Window,
)

_KEEP: Final = False
_TOGGLE: Final = True
_REFUSALS: Final = {refusal.value: refusal for refusal in Refusal}
_COMPLETED: Final = {Status.ALL: None, Status.PENDING: False, Status.COMPLETED: True}


class TaskFunctions:
    """The task functions of one contract, which answer in its `shape`.

    Every method raises DatabaseUnavailable. `if_versions` is a condition: the row is left alone
    (CONFLICT) when it is at none of them; None is no condition.
    """

    def __init__(self, pool: Pool, shape: Shape) -> None:
        self._pool = pool
        # The name is of our own making: a contract's, and hexadecimal digits.
        schema = shape.schema
        self._list = f"SELECT * FROM {schema}.list_tasks($1, $2, $3, $4, $5::text::bigint[])"  # noqa: S608 - as above
        self._get = f"SELECT * FROM {schema}.get_task($1, $2)"  # noqa: S608 - as above
        self._create = f"SELECT * FROM {schema}.create_task($1, $2, $3, $4, $5)"  # noqa: S608 - as above
        self._update = (
            f"SELECT * FROM {schema}.update_task($1, $2, $3::text::bigint[], $4, $5, $6, $7, $8)"  # noqa: S608 - as above
        )
        self._delete = f"SELECT {schema}.delete_task($1, $2, $3::text::bigint[])"

    async def page(
        self, owner: Principal, window: Window, *, known_versions: Sequence[int] | None
    ) -> RenderedPage:
        """Read one page; without its items if the list is at one of `known_versions`."""
        items, total, version = await self._pool.read(
            self._list,
            owner.user_id,
            _COMPLETED[window.status],
            window.limit,
            window.offset,
            _array(known_versions),
        )
        return RenderedPage(items=items, total=total, version=version)

    async def get(self, owner: Principal, task_id: TaskId) -> Rendered | None:
        body, found, version = await self._pool.read(self._get, owner.user_id, task_id)
        return None if found is None else Rendered(body, found, version)

    async def create(self, owner: Principal, draft: NewTask) -> Rendered:
        """Create a task and, on first sight, its owner."""
        body, task_id, version = await self._pool.write(
            self._create, owner.user_id, owner.email, owner.name, draft.title, draft.description
        )
        return Rendered(body, task_id, version)

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
            _array(if_versions),
            None if change.title is UNSET else change.title,
            change.description is not UNSET,
            None if change.description is UNSET else change.description,
            None if change.completed is UNSET else change.completed,
            _KEEP,
        )

    async def toggle(
        self, owner: Principal, task_id: TaskId, *, if_versions: Sequence[int] | None
    ) -> Rendered | Refusal:
        """Turn `completed` round, whatever it is at that moment."""
        return await self._update_task(
            owner.user_id, task_id, _array(if_versions), None, _KEEP, None, None, _TOGGLE
        )

    async def delete(
        self, owner: Principal, task_id: TaskId, *, if_versions: Sequence[int] | None
    ) -> Refusal | None:
        (outcome,) = await self._pool.write(
            self._delete, owner.user_id, task_id, _array(if_versions)
        )
        return _REFUSALS.get(outcome)

    async def _update_task(self, *arguments: object) -> Rendered | Refusal:
        outcome, body, task_id, version = await self._pool.write(self._update, *arguments)
        return _REFUSALS.get(outcome) or Rendered(body, task_id, version)


def _array(versions: Sequence[int] | None) -> str | None:
    """Write an array as PostgreSQL reads it: the driver would first ask what an array is."""
    return None if versions is None else "{" + ",".join(map(str, versions)) + "}"
