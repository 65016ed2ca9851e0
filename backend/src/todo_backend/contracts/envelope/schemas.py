"""The bodies of the `envelope` contract, one class for each direction."""

from datetime import datetime
from typing import Annotated, Any, Final, Literal, Self

from pydantic import ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema

from todo_backend.model.task import UNSET, NewTask, Status, TaskChange, Unset, Window
from todo_backend.web.fields import Description, Title
from todo_backend.web.parameters import Query
from todo_backend.web.wire import INT64, Wire, without_default

TITLE_MAX: Final = 255
DESCRIPTION_MAX: Final = 1000
LIMIT_DEFAULT: Final = 50
LIMIT_MAX: Final = 100

Code = Literal[
    "AUTH_MISSING_HEADER",
    "AUTH_INVALID_TOKEN",
    "AUTH_EXPIRED_TOKEN",
    "AUTH_INVALID_CREDENTIALS",
    "AUTH_USER_MISMATCH",
    "RESOURCE_NOT_FOUND",
    "RESOURCE_METHOD_NOT_ALLOWED",
    "RESOURCE_CONFLICT",
    "VALIDATION_REQUIRED_FIELD",
    "VALIDATION_FIELD_TOO_LONG",
    "VALIDATION_OUT_OF_RANGE",
    "VALIDATION_INVALID_FORMAT",
    "SYSTEM_RATE_LIMIT_EXCEEDED",
    "SYSTEM_INTERNAL_ERROR",
    "SYSTEM_DATABASE_ERROR",
    "AUTH_KEYS_UNAVAILABLE",
]
"""Every error's name for a program."""

ITEM_EXAMPLE: Final[dict[str, Any]] = {
    "id": 1,
    "title": "Buy milk",
    "description": "Two bottles",
    "completed": False,
    "created_at": "2026-01-09T10:00:00.123456Z",
    "updated_at": "2026-01-09T10:00:00.123456Z",
}
TASK_EXAMPLE: Final = ITEM_EXAMPLE | {"user_id": "user_123"}

_TITLE_RULE: Final = Title(TITLE_MAX).sentence
_DESCRIPTION_RULE: Final = Description(DESCRIPTION_MAX).sentence


# In ------------------------------------------------------------------------------------


class CreateTask(Wire):
    """A new task. Who owns it, its id and its times are the server's to say."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"title": "Buy milk", "description": "Two bottles"}]}
    )

    title: Annotated[str, Title(TITLE_MAX)] = Field(description=_TITLE_RULE)
    description: Annotated[str, Description(DESCRIPTION_MAX)] | None = Field(
        default=None, description=f"{_DESCRIPTION_RULE} Null or absent: none."
    )

    def draft(self) -> NewTask:
        return NewTask(title=self.title, description=self.description)


class UpdateTask(CreateTask):
    """The form of an edited task. What the form does not send keeps its value."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"title": "Buy oat milk", "completed": True}]}
    )

    description: Annotated[str, Description(DESCRIPTION_MAX)] | None = Field(
        default=None, description=f"{_DESCRIPTION_RULE} Null erases it."
    )
    completed: bool = Field(
        default=False, description="Absent: as it was.", json_schema_extra=without_default
    )

    def change(self) -> TaskChange:
        sent = self.model_fields_set
        return TaskChange(
            title=self.title,
            description=self.description if "description" in sent else UNSET,
            completed=self.completed if "completed" in sent else UNSET,
        )


class SetCompletion(Wire):
    """Whether the task is done. `{}` turns it round."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"completed": True}]})

    completed: bool = Field(
        default=False,
        description="Absent: the opposite of what it was.",
        json_schema_extra=without_default,
    )

    def wanted(self) -> bool | Unset:
        return self.completed if "completed" in self.model_fields_set else UNSET


class ListTasks(Wire):
    """Which part of the list to show."""

    status: Status = Field(default=Status.ALL, description="All tasks, or those of one status.")
    limit: int = Field(
        default=LIMIT_DEFAULT, ge=1, le=LIMIT_MAX, description="How many tasks at most."
    )
    offset: int = Field(
        default=0,
        ge=0,
        description="How many of the newest to leave out.",
        json_schema_extra=INT64,
    )

    @classmethod
    def read(cls, raw: bytes) -> Self:
        """Raises: Invalid."""
        with Query(raw) as query:
            status = query.choice("status", tuple(Status), default=Status.ALL)
            limit = query.integer("limit", minimum=1, maximum=LIMIT_MAX, default=LIMIT_DEFAULT)
            offset = query.integer("offset", minimum=0, default=0)
        return cls.model_construct(status=status, limit=limit, offset=offset)

    def window(self) -> Window:
        return Window(status=self.status, limit=self.limit, offset=self.offset)


# Out -----------------------------------------------------------------------------------

# The fields stand in the order in which task.sql writes them.
_Number = Annotated[
    int, Field(ge=1, description="The task's number, never used again.", json_schema_extra=INT64)
]
_Created = Annotated[datetime, Field(description="In UTC.")]
_Updated = Annotated[datetime, Field(description="In UTC; the time of the last change.")]


class TaskItem(Wire):
    """A task in a list."""

    model_config = ConfigDict(json_schema_extra={"examples": [ITEM_EXAMPLE]})

    id: _Number
    title: str
    description: str | None
    completed: bool
    created_at: _Created
    updated_at: _Updated


class Task(Wire):
    """A task on its own."""

    model_config = ConfigDict(json_schema_extra={"examples": [TASK_EXAMPLE]})

    id: _Number
    title: str
    description: str | None
    completed: bool
    user_id: str = Field(description="Whose task it is.")
    created_at: _Created
    updated_at: _Updated


class TaskList(Wire):
    """A page of tasks, newest first."""

    tasks: list[TaskItem]
    total: int = Field(
        ge=0,
        description="How many tasks there are of this status, on all pages.",
        json_schema_extra=INT64,
    )
    page: int = Field(
        ge=1,
        description="The number of this page: offset ÷ limit rounded down, plus 1.",
        json_schema_extra=INT64,
    )
    limit: int = Field(ge=1, le=LIMIT_MAX, description="How many tasks a page has at most.")


class _Success(Wire):
    success: Literal[True]


class TasksListed(_Success):
    """The answer to `listTasks`."""

    data: TaskList
    message: Literal["Tasks retrieved successfully"]


class TaskCreated(_Success):
    """The answer to `createTask`."""

    data: Task
    message: Literal["Task created successfully"]


class TaskRead(_Success):
    """The answer to `getTask`."""

    data: Task
    message: Literal["Task retrieved successfully"]


class TaskUpdated(_Success):
    """The answer to `updateTask`."""

    data: Task
    message: Literal["Task updated successfully"]


class TaskDeleted(_Success):
    """The answer to `deleteTask`."""

    data: None
    message: Literal["Task deleted successfully"]


class CompletionUpdated(_Success):
    """The answer to `setTaskCompletion`."""

    data: Task
    message: Literal["Task completion status updated"]


class FieldProblem(Wire):
    """A field that breaks a rule."""

    field: str = Field(description="The field of the body, or the parameter; `body` is all of it.")
    value: Any = Field(description="What arrived, cut to 100 characters; null if nothing did.")
    constraint: str = Field(description="The rule, to be read after the field's name.")


class Details(Wire):
    """What there is to say beyond the message.

    Of a validation error: the first field that breaks a rule, and all of them if there are several.
    Of a defect: its type and message, in debug mode alone.
    """

    field: str | SkipJsonSchema[None] = Field(default=None, description="As in FieldProblem.")
    value: Any = Field(default=None, description="As in FieldProblem.")
    constraint: str | SkipJsonSchema[None] = Field(default=None, description="As in FieldProblem.")
    errors: list[FieldProblem] | SkipJsonSchema[None] = Field(
        default=None, description="Every field that breaks a rule, the first included."
    )
    type: str | SkipJsonSchema[None] = Field(default=None, description="Of a defect.")
    message: str | SkipJsonSchema[None] = Field(default=None, description="Of a defect.")


class Error(Wire):
    """What went wrong."""

    code: Code = Field(description="For the program. New codes may come.")
    message: str = Field(description="For a person, in English.")
    details: Details | SkipJsonSchema[None] = Field(
        default=None, description="Absent where there is nothing more to say."
    )


class Failure(Wire):
    """Every error."""

    success: Literal[False]
    error: Error
