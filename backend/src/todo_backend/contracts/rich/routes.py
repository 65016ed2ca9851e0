"""The calls of the `rich` contract."""

import hashlib
from functools import partial
from typing import Annotated, Final
from urllib.parse import quote

import orjson
from fastapi import Body, Query
from pydantic.json_schema import SkipJsonSchema

from todo_backend.contracts.rich import errors
from todo_backend.contracts.rich.listing import ListTasks
from todo_backend.contracts.rich.schemas import (
    TASK_EXAMPLE,
    CreateTask,
    SetCompletion,
    Task,
    TaskList,
    UpdateTask,
)
from todo_backend.core import search
from todo_backend.core import tasks as core
from todo_backend.model.principal import Principal
from todo_backend.model.task import UNSET, TaskId
from todo_backend.web.answer import JSON, Answer
from todo_backend.web.bare_task import DELETED, documented_task, task_answer
from todo_backend.web.conditional import EntityTags
from todo_backend.web.cursors import Sealed
from todo_backend.web.idempotency import created
from todo_backend.web.openapi import (
    CREATED,
    GONE,
    LISTED,
    NOT_MODIFIED,
    READ,
    Responses,
    documented,
)
from todo_backend.web.operation import Route
from todo_backend.web.signature import (
    IfMatch,
    IfNoneMatch,
    Owner,
    Retriable,
    Searches,
    Tasks,
    task_number,
)

_TAGS: Final = EntityTags("r")
_COLLECTION: Final = "/api/{user_id}/tasks"
_ITEM: Final = "/api/{user_id}/tasks/{task_id}"
_COMPLETION: Final = "/api/{user_id}/tasks/{task_id}/complete"
_NEXT_PAGE: Final = (
    '</api/user_123/tasks?status=all&sort=-created_at&limit=1&cursor={}>; rel="next"'
)
_CURSOR_EXAMPLE: Final = "IZv3ccBJ2u7qKBYw0mmSGQ6ZcU8oTBvYAUhKp0nZQmJbIjIwMjYtMDEtMDkiLDFd"

_Id = Annotated[TaskId, task_number()]


async def list_tasks(
    owner: Owner,
    query: Annotated[ListTasks, Query()],
    known: IfNoneMatch,
    searches: Searches,
    cursors: Sealed,
) -> Answer:
    """List the user's tasks, newest first unless a sort is asked for. An empty list is no error.

    Of pages by `offset`, a far one costs more than a near one; of those by `cursor`, it doesn't.
    """
    wanted = query.search(owner, cursors)
    condition = _TAGS.if_none_match(known)
    versions = condition.versions if condition else None
    page = await search.page(searches, owner, wanted, known_versions=versions)
    if page.items is None:
        return Answer(304, headers=_TAGS.weak(page.version))
    cursor = None if page.end is None else query.next_cursor(owner, page.end, cursors)
    body = (
        f'{{"tasks":{page.items},"total":{page.total},"limit":{query.limit},'
        f'"offset":{query.offset},"next_cursor":{orjson.dumps(cursor).decode()}}}'
    ).encode()
    # Time alone makes a task overdue: then the version of the list says nothing.
    version = _fingerprint(body) if query.overdue else page.version
    validator = _TAGS.weak(version)
    if condition and condition.holds(version):
        return Answer(304, headers=validator)
    if cursor is None:
        return Answer(200, body, (JSON, *validator))
    link = f'<{query.link(_path(owner), cursor)}>; rel="next"'
    return Answer(200, body, (JSON, *validator, (b"link", link.encode())))


async def create_task(
    owner: Owner, attempt: Retriable, body: Annotated[CreateTask, Body()], tasks: Tasks
) -> Answer:
    """Create a task, which is pending. The header `Location` says where it is."""
    task = await core.create(tasks, owner, body.draft(), attempt=attempt)
    return task_answer(201, task, _TAGS, *created(task, f"{_path(owner)}/{task.task_id}"))


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


def _path(owner: Principal) -> str:
    return f"/api/{quote(owner.user_id, safe='')}/tasks"


def _fingerprint(body: bytes) -> int:
    """Number the bytes, in the range of a version."""
    return int.from_bytes(hashlib.sha256(body).digest()[:7])


def _answers_list() -> Responses:
    answers = documented(
        200,
        TaskList,
        description="A page of the user's tasks.",
        example={
            "tasks": [TASK_EXAMPLE],
            "total": 2,
            "limit": 1,
            "offset": 0,
            "next_cursor": _CURSOR_EXAMPLE,
        },
        headers=LISTED,
    )
    answers[200]["headers"]["Link"] = {
        "description": 'The address of the next page, with `rel="next"`. Not on the last page.',
        "schema": {
            "type": "string",
            "examples": [_NEXT_PAGE.format(_CURSOR_EXAMPLE)],
        },
    }
    return answers


_answers_one: Final = partial(documented_task, Task, TASK_EXAMPLE)
ROUTES: Final = (
    Route(
        "GET",
        _COLLECTION,
        list_tasks,
        operation_id="listTasks",
        answers=_answers_list() | NOT_MODIFIED | errors.LIST,
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
