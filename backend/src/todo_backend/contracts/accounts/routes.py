"""The calls of the `accounts` contract that are about tasks."""

from functools import partial
from typing import Annotated, Final

from fastapi import Body
from pydantic.json_schema import SkipJsonSchema

from todo_backend.contracts.accounts import errors
from todo_backend.contracts.accounts.schemas import (
    TASK_EXAMPLE,
    CreateMyTask,
    MyTask,
    MyTasks,
    ToggleMyTask,
    UpdateMyTask,
)
from todo_backend.core import tasks as core
from todo_backend.model.task import UNSET, Listing, TaskId
from todo_backend.web.answer import JSON, Answer, Reply
from todo_backend.web.bare_task import DELETED, documented_task, task_answer
from todo_backend.web.conditional import EntityTags
from todo_backend.web.idempotency import created
from todo_backend.web.lists import list_reply
from todo_backend.web.openapi import (
    CREATED,
    GONE,
    LISTED,
    NOT_MODIFIED,
    READ,
    documented,
)
from todo_backend.web.operation import Route
from todo_backend.web.signature import (
    Caller,
    IfMatch,
    IfNoneMatch,
    Retriable,
    Tasks,
    task_number,
)

_TAGS: Final = EntityTags("a")
_COLLECTION: Final = "/api/tasks"
_ITEM: Final = "/api/tasks/{id}"
_COMPLETION: Final = "/api/tasks/{id}/toggle"

_Id = Annotated[TaskId, task_number("id")]


async def list_tasks(caller: Caller, known: IfNoneMatch, tasks: Tasks) -> Reply:
    """List all of the caller's tasks, newest first. An empty list is no error."""
    condition = _TAGS.if_none_match(known)
    versions = condition.versions if condition else None
    found = await core.listing(tasks, caller, Listing(), known_versions=versions)
    validator = _TAGS.weak(found.version)
    if condition and condition.is_any:
        return Answer(304, headers=validator)
    return await list_reply(found, opening=b"[", closing=lambda _: b"]", headers=(JSON, *validator))


async def create_task(
    caller: Caller, attempt: Retriable, body: Annotated[CreateMyTask, Body()], tasks: Tasks
) -> Answer:
    """Create a task, which is pending. The header `Location` says where it is."""
    task = await core.create(tasks, caller, body.draft(), attempt=attempt)
    return task_answer(201, task, _TAGS, *created(task, f"{_COLLECTION}/{task.task_id}"))


async def get_task(caller: Caller, task_id: _Id, known: IfNoneMatch, tasks: Tasks) -> Answer:
    """Read one task."""
    task = await core.get(tasks, caller, task_id)
    return _TAGS.not_modified(known, task.version) or task_answer(200, task, _TAGS)


async def update_task(
    caller: Caller,
    task_id: _Id,
    if_match: IfMatch,
    body: Annotated[UpdateMyTask, Body()],
    tasks: Tasks,
) -> Answer:
    """Change a task. A field that is absent keeps its value."""
    versions = _TAGS.if_match(if_match)
    task = await core.change(tasks, caller, task_id, body.change(), if_versions=versions)
    return task_answer(200, task, _TAGS)


async def delete_task(caller: Caller, task_id: _Id, if_match: IfMatch, tasks: Tasks) -> Answer:
    """Delete a task for good."""
    await core.delete(tasks, caller, task_id, if_versions=_TAGS.if_match(if_match))
    return DELETED


async def toggle_task(
    caller: Caller,
    task_id: _Id,
    if_match: IfMatch,
    tasks: Tasks,
    body: Annotated[ToggleMyTask | SkipJsonSchema[None], Body()] = None,
) -> Answer:
    """Turn round whether a task is done, or set it where the body says what it shall be."""
    completed = UNSET if body is None else body.wanted()
    versions = _TAGS.if_match(if_match)
    task = await core.complete(tasks, caller, task_id, completed=completed, if_versions=versions)
    return task_answer(200, task, _TAGS)


_answers_one: Final = partial(documented_task, MyTask, TASK_EXAMPLE)
ROUTES: Final = (
    Route(
        "GET",
        _COLLECTION,
        list_tasks,
        operation_id="listMyTasks",
        answers=documented(
            200,
            MyTasks,
            description="All of the user's tasks.",
            example=[TASK_EXAMPLE],
            headers=LISTED,
        )
        | NOT_MODIFIED
        | errors.LIST,
    ),
    Route(
        "POST",
        _COLLECTION,
        create_task,
        operation_id="createMyTask",
        answers=_answers_one(201, CREATED) | errors.CREATE,
        status=201,
    ),
    Route(
        "GET",
        _ITEM,
        get_task,
        operation_id="getMyTask",
        answers=_answers_one(200, READ) | NOT_MODIFIED | errors.GET,
    ),
    Route(
        "PUT",
        _ITEM,
        update_task,
        operation_id="updateMyTask",
        answers=_answers_one(200, READ) | errors.PUT,
    ),
    Route(
        "DELETE",
        _ITEM,
        delete_task,
        operation_id="deleteMyTask",
        answers=GONE | errors.DELETE,
        status=204,
    ),
    Route(
        "PATCH",
        _COMPLETION,
        toggle_task,
        operation_id="toggleMyTask",
        answers=_answers_one(200, READ) | errors.TOGGLE,
    ),
)
