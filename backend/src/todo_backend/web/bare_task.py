"""Answers of the contracts whose body is the bare task."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import BaseModel

from todo_backend.model.task import Rendered
from todo_backend.web.answer import JSON, NO_STORE, Answer, Header
from todo_backend.web.conditional import EntityTags
from todo_backend.web.openapi import Responses, documented

DELETED: Final = Answer(204, headers=(NO_STORE,))


def task_answer(status: int, task: Rendered, tags: EntityTags, *headers: Header) -> Answer:
    """Answer with a task as its contract writes it, and its version."""
    return Answer(status, task.body.encode(), (JSON, *tags.strong(task.version), *headers))


def documented_task(
    model: type[BaseModel], example: Mapping[str, Any], status: int, headers: tuple[str, ...]
) -> Responses:
    """Document what `task_answer` answers."""
    return documented(
        status, model, description="The task as it is now.", example=example, headers=headers
    )
