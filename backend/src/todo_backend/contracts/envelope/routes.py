"""The calls of the `envelope` contract."""

from typing import Annotated, Final
from urllib.parse import quote

from fastapi import Body, Query
from pydantic import BaseModel
from pydantic.json_schema import SkipJsonSchema

from todo_backend.contracts.envelope import errors
from todo_backend.contracts.envelope.schemas import (
    ITEM_EXAMPLE,
    TASK_EXAMPLE,
    CompletionUpdated,
    CreateTask,
    ListTasks,
    SetCompletion,
    TaskCreated,
    TaskDeleted,
    TaskRead,
    TasksListed,
    TaskUpdated,
    UpdateTask,
)
from todo_backend.core import tasks as core
from todo_backend.model.task import UNSET, Rendered, TaskId
from todo_backend.web.answer import JSON, Answer, Header
from todo_backend.web.conditional import EntityTags
from todo_backend.web.idempotency import created
from todo_backend.web.openapi import CREATED, LISTED, NOT_MODIFIED, READ, Responses, documented
from todo_backend.web.operation import Route
from todo_backend.web.signature import (
    IfMatch,
    IfNoneMatch,
    Owner,
    Retriable,
    Tasks,
    task_number,
)

_TAGS: Final = EntityTags("e")
_COLLECTION: Final = "/api/{user_id}/tasks"
_ITEM: Final = "/api/{user_id}/tasks/{id}"
_COMPLETION: Final = "/api/{user_id}/tasks/{id}/complete"

_Id = Annotated[TaskId, task_number("id")]

_DELETED: Final = Answer(200, b'{"success":true,"data":null,"message":"Task deleted successfully"}')


async def list_tasks(
    owner: Owner, query: Annotated[ListTasks, Query()], known: IfNoneMatch, tasks: Tasks
) -> Answer:
    """List the user's tasks, newest first. An empty list is no error."""
    condition = _TAGS.if_none_match(known)
    versions = condition.versions if condition else None
    page = await core.page(tasks, owner, query.window(), known_versions=versions)
    validator = _TAGS.weak(page.version)
    if page.items is None or (condition and condition.is_any):
        return Answer(304, headers=validator)
    number = query.offset // query.limit + 1
    body = (
        f'{{"success":true,"data":{{"tasks":{page.items},"total":{page.total},"page":{number},'
        f'"limit":{query.limit}}},"message":"Tasks retrieved successfully"}}'
    )
    return Answer(200, body.encode(), (JSON, *validator))


async def create_task(
    owner: Owner, attempt: Retriable, body: Annotated[CreateTask, Body()], tasks: Tasks
) -> Answer:
    """Create a task, which is pending. The header `Location` says where it is."""
    task = await core.create(tasks, owner, body.draft(), attempt=attempt)
    location = f"/api/{quote(owner.user_id, safe='')}/tasks/{task.task_id}"
    return _one(201, task, "Task created successfully", *created(task, location))


async def get_task(owner: Owner, task_id: _Id, known: IfNoneMatch, tasks: Tasks) -> Answer:
    """Read one task."""
    task = await core.get(tasks, owner, task_id)
    return _TAGS.not_modified(known, task.version) or _one(200, task, "Task retrieved successfully")


async def update_task(
    owner: Owner,
    task_id: _Id,
    if_match: IfMatch,
    body: Annotated[UpdateTask, Body()],
    tasks: Tasks,
) -> Answer:
    """Change a task. A `description` or `completed` that is absent keeps its value."""
    versions = _TAGS.if_match(if_match)
    task = await core.change(tasks, owner, task_id, body.change(), if_versions=versions)
    return _one(200, task, "Task updated successfully")


async def delete_task(owner: Owner, task_id: _Id, if_match: IfMatch, tasks: Tasks) -> Answer:
    """Delete a task for good."""
    await core.delete(tasks, owner, task_id, if_versions=_TAGS.if_match(if_match))
    return _DELETED


async def set_task_completion(
    owner: Owner,
    task_id: _Id,
    if_match: IfMatch,
    tasks: Tasks,
    body: Annotated[SetCompletion | SkipJsonSchema[None], Body()] = None,
) -> Answer:
    """Set whether a task is done; without a body, or with `{}`, turn it round."""
    completed = UNSET if body is None else body.wanted()
    versions = _TAGS.if_match(if_match)
    task = await core.complete(tasks, owner, task_id, completed=completed, if_versions=versions)
    return _one(200, task, "Task completion status updated")


def _one(status: int, task: Rendered, message: str, *headers: Header) -> Answer:
    body = f'{{"success":true,"data":{task.body},"message":"{message}"}}'
    return Answer(status, body.encode(), (JSON, *_TAGS.strong(task.version), *headers))


def _answers_one(
    status: int, model: type[BaseModel], message: str, headers: tuple[str, ...]
) -> Responses:
    return documented(
        status,
        model,
        description="The task as it is now.",
        example={"success": True, "data": TASK_EXAMPLE, "message": message},
        headers=headers,
    )


ROUTES: Final = (
    Route(
        "GET",
        _COLLECTION,
        list_tasks,
        operation_id="listTasks",
        answers=documented(
            200,
            TasksListed,
            description="A page of the user's tasks.",
            example={
                "success": True,
                "data": {"tasks": [ITEM_EXAMPLE], "total": 1, "page": 1, "limit": 50},
                "message": "Tasks retrieved successfully",
            },
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
        answers=_answers_one(201, TaskCreated, "Task created successfully", CREATED)
        | errors.CREATE,
        status=201,
    ),
    Route(
        "GET",
        _ITEM,
        get_task,
        operation_id="getTask",
        answers=_answers_one(200, TaskRead, "Task retrieved successfully", READ)
        | NOT_MODIFIED
        | errors.GET,
    ),
    Route(
        "PUT",
        _ITEM,
        update_task,
        operation_id="updateTask",
        answers=_answers_one(200, TaskUpdated, "Task updated successfully", READ) | errors.PUT,
    ),
    Route(
        "DELETE",
        _ITEM,
        delete_task,
        operation_id="deleteTask",
        answers=documented(
            200,
            TaskDeleted,
            description="The task is gone.",
            example={"success": True, "data": None, "message": "Task deleted successfully"},
        )
        | errors.DELETE,
    ),
    Route(
        "PATCH",
        _COMPLETION,
        set_task_completion,
        operation_id="setTaskCompletion",
        answers=_answers_one(200, CompletionUpdated, "Task completion status updated", READ)
        | errors.COMPLETE,
    ),
)
