"""What may be done with tasks.

Every function raises DatabaseUnavailable, and speaks of the owner's tasks alone: somebody else's
task is not found, like one that never was; only a contract that tells strangers' tasks apart gets a
StrangersTask. `if_versions` is a condition on the version of the task; None is no condition.
"""

from collections.abc import Sequence

from todo_backend.database.tasks import TaskFunctions
from todo_backend.model.attempt import Attempt, KeyTaken
from todo_backend.model.errors import (
    IdempotencyKeyInUse,
    IdempotencyKeyReused,
    PreconditionFailed,
    StrangersTask,
    TaskNotFound,
)
from todo_backend.model.principal import Principal
from todo_backend.model.task import (
    UNSET,
    Listing,
    NewTask,
    Refusal,
    Rendered,
    RenderedList,
    RenderedPage,
    TaskChange,
    TaskId,
    Unset,
    Window,
)


async def page(
    tasks: TaskFunctions,
    owner: Principal,
    window: Window,
    *,
    known_versions: Sequence[int] | None = None,
) -> RenderedPage:
    """Read one page, newest first; without items if the caller knows this version already."""
    return await tasks.page(owner, window, known_versions=known_versions)


async def listing(
    tasks: TaskFunctions,
    owner: Principal,
    wanted: Listing,
    *,
    known_versions: Sequence[int] | None = None,
) -> RenderedList:
    """Read a list of any length; without chunks if the caller knows this version already.

    The first chunk has been read when this returns. Taking a later one may raise
    DatabaseUnavailable, too.
    """
    return await tasks.listing(owner, wanted, known_versions=known_versions)


async def get(tasks: TaskFunctions, owner: Principal, task_id: TaskId) -> Rendered:
    """Raises: TaskNotFound."""
    return _require(await tasks.get(owner, task_id), task_id)


async def create(
    tasks: TaskFunctions, owner: Principal, draft: NewTask, *, attempt: Attempt | None
) -> Rendered:
    """Create a pending task; its owner too, if this is the first that the database hears of it.

    Further attempts within a day create nothing, and get what the first one got.
    Raises: IdempotencyKeyInUse, IdempotencyKeyReused.
    """
    if attempt is None:
        return await tasks.create(owner, draft)
    outcome = await tasks.create_once(owner, draft, attempt)
    match outcome:
        case KeyTaken.RUNNING:
            raise IdempotencyKeyInUse
        case KeyTaken.REUSED:
            raise IdempotencyKeyReused
    return outcome


async def change(
    tasks: TaskFunctions,
    owner: Principal,
    task_id: TaskId,
    wanted: TaskChange,
    *,
    if_versions: Sequence[int] | None,
) -> Rendered:
    """Change what `wanted` sets; a change to the same values keeps the version.

    Raises: TaskNotFound, PreconditionFailed.
    """
    outcome = await tasks.change(owner, task_id, wanted, if_versions=if_versions)
    return _require(outcome, task_id)


async def complete(
    tasks: TaskFunctions,
    owner: Principal,
    task_id: TaskId,
    *,
    completed: bool | Unset,
    if_versions: Sequence[int] | None,
) -> Rendered:
    """Set `completed`, or turn it round when the client does not say.

    Raises: TaskNotFound, PreconditionFailed.
    """
    if completed is UNSET:
        outcome = await tasks.toggle(owner, task_id, if_versions=if_versions)
    else:
        wanted = TaskChange(completed=completed)
        outcome = await tasks.change(owner, task_id, wanted, if_versions=if_versions)
    return _require(outcome, task_id)


async def delete(
    tasks: TaskFunctions,
    owner: Principal,
    task_id: TaskId,
    *,
    if_versions: Sequence[int] | None,
) -> None:
    """Delete for good. Raises: TaskNotFound, PreconditionFailed."""
    refusal = await tasks.delete(owner, task_id, if_versions=if_versions)
    if refusal is not None:
        raise _refused(refusal, task_id)


def _require(outcome: Rendered | Refusal, task_id: TaskId) -> Rendered:
    if isinstance(outcome, Refusal):
        raise _refused(outcome, task_id)
    return outcome


def _refused(refusal: Refusal, task_id: TaskId) -> Exception:
    match refusal:
        case Refusal.MISSING:
            return TaskNotFound(task_id)
        case Refusal.STRANGERS:
            return StrangersTask(task_id)
        case Refusal.CONFLICT:
            return PreconditionFailed()
