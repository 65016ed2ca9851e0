"""The calls of the `plain` contract."""

from functools import partial
from typing import Annotated, Final
from urllib.parse import quote

from fastapi import Body, Query
from pydantic.json_schema import SkipJsonSchema

from todo_backend.contracts.plain import errors
from todo_backend.contracts.plain.schemas import (
    TASK_EXAMPLE,
    CreateTask,
    ListTasks,
    SetCompletion,
    Task,
    TaskList,
    UpdateTask,
)
from todo_backend.core import tasks as core
from todo_backend.model.task import UNSET, TaskId
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
    IfMatch,
    IfNoneMatch,
    Owner,
    Retriable,
    Tasks,
    task_number,
)

_TAGS: Final = EntityTags("p")
_COLLECTION: Final = "/api/{user_id}/tasks"
_ITEM: Final = "/api/{user_id}/tasks/{task_id}"
_COMPLETION: Final = "/api/{user_id}/tasks/{task_id}/complete"

_Id = Annotated[TaskId, task_number()]


async def list_tasks(
    owner: Owner, query: Annotated[ListTasks, Query()], known: IfNoneMatch, tasks: Tasks
) -> Reply:
    """List all of the user's tasks. An empty list is no error."""
    condition = _TAGS.if_none_match(known)
    versions = condition.versions if condition else None
    found = await core.listing(tasks, owner, query.listing(), known_versions=versions)
    validator = _TAGS.weak(found.version)
    if condition and condition.is_any:
        return Answer(304, headers=validator)

    def closing(written: int) -> bytes:
        # Of a list of all tasks, so that it agrees with it, whatever changed on the way.
        return b'],"count":%d}' % (written if query.is_whole else found.total)

    return await list_reply(
        found, opening=b'{"tasks":[', closing=closing, headers=(JSON, *validator)
    )


async def create_task(
    owner: Owner, attempt: Retriable, body: Annotated[CreateTask, Body()], tasks: Tasks
) -> Answer:
    """Create a task, which is pending. The header `Location` says where it is."""
    task = await core.create(tasks, owner, body.draft(), attempt=attempt)
    location = f"/api/{quote(owner.user_id, safe='')}/tasks/{task.task_id}"
    return task_answer(201, task, _TAGS, *created(task, location))


async def get_task(owner: Owner, task_id: _Id, known: IfNoneMatch, tasks: Tasks) -> Answer:
    """Read one task."""
    task = await core.get(tasks, owner, task_id)
    return _TAGS.not_modified(known, task.version) or task_answer(200, task, _TAGS)


async def update_task(
    owner: Owner,
    task_id: _Id,
    if_match: IfMatch,
    body: Annotated[UpdateTask, Body()],
    tasks: Tasks,
) -> Answer:
    """Change a task. What is absent keeps its value."""
    versions = _TAGS.if_match(if_match)
    task = await core.change(tasks, owner, task_id, body.change(), if_versions=versions)
    return task_answer(200, task, _TAGS)


async def delete_task(owner: Owner, task_id: _Id, if_match: IfMatch, tasks: Tasks) -> Answer:
    """Delete a task for good."""
    await core.delete(tasks, owner, task_id, if_versions=_TAGS.if_match(if_match))
    return DELETED


async def set_task_completion(
    owner: Owner,
    task_id: _Id,
    if_match: IfMatch,
    tasks: Tasks,
    body: Annotated[SetCompletion | SkipJsonSchema[None], Body()] = None,
) -> Answer:
    """Turn round whether a task is done; or set it, where the body says so."""
    completed = UNSET if body is None else body.wanted()
    versions = _TAGS.if_match(if_match)
    task = await core.complete(tasks, owner, task_id, completed=completed, if_versions=versions)
    return task_answer(200, task, _TAGS)


_answers_one: Final = partial(documented_task, Task, TASK_EXAMPLE)
ROUTES: Final = (
    Route(
        "GET",
        _COLLECTION,
        list_tasks,
        operation_id="listTasks",
        answers=documented(
            200,
            TaskList,
            description="The user's tasks. If the connection ends before the body does, "
            "something went wrong on the way, and what has arrived is not the whole list.",
            example={"tasks": [TASK_EXAMPLE], "count": 1},
            headers=LISTED,
        )
        | NOT_MODIFIED
        | errors.LIST,
    ),
    Route(
        "POST",
        _COLLECTION,
        create_task,
        operation_id="createTask",
        answers=_answers_one(201, CREATED) | errors.CREATE,
        status=201,
    ),
    Route(
        "GET",
        _ITEM,
        get_task,
        operation_id="getTask",
        answers=_answers_one(200, READ) | NOT_MODIFIED | errors.GET,
    ),
    Route(
        "PUT",
        _ITEM,
        update_task,
        operation_id="updateTask",
        answers=_answers_one(200, READ) | errors.PUT,
    ),
    Route(
        "DELETE",
        _ITEM,
        delete_task,
        operation_id="deleteTask",
        answers=GONE | errors.DELETE,
        status=204,
    ),
    Route(
        "PATCH",
        _COMPLETION,
        set_task_completion,
        operation_id="setTaskCompletion",
        answers=_answers_one(200, READ) | errors.COMPLETE,
    ),
)
