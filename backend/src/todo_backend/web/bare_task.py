"""Answers of the contracts whose body is the bare task."""

from typing import Final

from todo_backend.model.task import Rendered
from todo_backend.web.answer import JSON, NO_STORE, Answer, Header
from todo_backend.web.conditional import EntityTags

DELETED: Final = Answer(204, headers=(NO_STORE,))


def task_answer(status: int, task: Rendered, tags: EntityTags, *headers: Header) -> Answer:
    """Answer with a task as its contract writes it, and its version."""
    return Answer(status, task.body.encode(), (JSON, *tags.strong(task.version), *headers))
