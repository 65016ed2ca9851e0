"""The bodies of the `rich` contract, one class for each direction."""

from datetime import datetime
from typing import Annotated, Any, Final, Literal

from pydantic import ConfigDict, Field

from todo_backend.model.task import UNSET, NewTask, Priority, TaskChange, Unset
from todo_backend.web.fields import Description, Moment, Title
from todo_backend.web.wire import INT64, Wire, without_default

TITLE_MAX: Final = 200
DESCRIPTION_MAX: Final = 1000
LIMIT_DEFAULT: Final = 50
LIMIT_MAX: Final = 100

Code = Literal[
    "AUTH_MISSING_HEADER",
    "AUTH_INVALID_TOKEN",
    "AUTH_EXPIRED_TOKEN",
    "AUTH_INVALID_CREDENTIALS",
    "AUTH_USER_MISMATCH",
    "AUTH_KEYS_UNAVAILABLE",
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
]
"""Every error's name for a program."""

PriorityName = Literal["low", "medium", "high"]
PRIORITIES: Final[dict[PriorityName, Priority]] = {
    "low": Priority.LOW,
    "medium": Priority.MEDIUM,
    "high": Priority.HIGH,
}

TASK_EXAMPLE: Final[dict[str, Any]] = {
    "id": 1,
    "user_id": "user_123",
    "title": "Buy milk",
    "description": "Two bottles",
    "completed": False,
    "priority": "medium",
    "due_date": "2026-01-12T18:00:00Z",
    "created_at": "2026-01-09T10:00:00.123456Z",
    "updated_at": "2026-01-09T10:00:00.123456Z",
}

_TITLE_RULE: Final = Title(TITLE_MAX).sentence
_DESCRIPTION_RULE: Final = Description(DESCRIPTION_MAX).sentence
_DUE_RULE: Final = (
    "A date-time whose offset is honoured (none means UTC), or a date, which means its first "
    "instant in UTC; within the years 1 to 9999."
)


# In ------------------------------------------------------------------------------------


class CreateTask(Wire):
    """A new task. Who owns it, its id and its times are the server's to say."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"title": "Buy milk", "priority": "high", "due_date": "2026-01-12T19:00:00+01:00"}
            ]
        }
    )

    title: Annotated[str, Title(TITLE_MAX)] = Field(description=_TITLE_RULE)
    description: Annotated[str, Description(DESCRIPTION_MAX)] | None = Field(
        default=None, description=f"{_DESCRIPTION_RULE} Null or absent: none."
    )
    priority: PriorityName = "medium"
    due_date: Annotated[datetime, Moment()] | None = Field(
        default=None, description=f"{_DUE_RULE} Null or absent: none."
    )

    def draft(self) -> NewTask:
        return NewTask(
            title=self.title,
            description=self.description,
            priority=PRIORITIES[self.priority],
            due_date=self.due_date,
        )


class UpdateTask(Wire):
    """What shall be different. A field that is absent keeps its value; `{}` changes nothing."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"title": "Buy oat milk", "due_date": None}]}
    )

    title: Annotated[str, Title(TITLE_MAX)] = Field(
        default="", description=_TITLE_RULE, json_schema_extra=without_default
    )
    description: Annotated[str, Description(DESCRIPTION_MAX)] | None = Field(
        default=None,
        description=f"{_DESCRIPTION_RULE} Null erases it.",
        json_schema_extra=without_default,
    )
    completed: bool = Field(default=False, json_schema_extra=without_default)
    priority: PriorityName = Field(default="medium", json_schema_extra=without_default)
    due_date: Annotated[datetime, Moment()] | None = Field(
        default=None,
        description=f"{_DUE_RULE} Null erases it.",
        json_schema_extra=without_default,
    )

    def change(self) -> TaskChange:
        sent = self.model_fields_set
        return TaskChange(
            title=self.title if "title" in sent else UNSET,
            description=self.description if "description" in sent else UNSET,
            completed=self.completed if "completed" in sent else UNSET,
            priority=PRIORITIES[self.priority] if "priority" in sent else UNSET,
            due_date=self.due_date if "due_date" in sent else UNSET,
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


# Out -----------------------------------------------------------------------------------

# The fields stand in the order in which task.sql writes them.


class Task(Wire):
    """A task."""

    model_config = ConfigDict(json_schema_extra={"examples": [TASK_EXAMPLE]})

    id: int = Field(
        ge=1, description="The task's number, never used again.", json_schema_extra=INT64
    )
    user_id: str = Field(description="Whose task it is.")
    title: str
    description: str | None
    completed: bool
    priority: PriorityName
    due_date: datetime | None = Field(description="In UTC.")
    created_at: datetime = Field(description="In UTC.")
    updated_at: datetime = Field(description="In UTC; the time of the last change.")


class TaskList(Wire):
    """The answer to `listTasks`: a page of tasks."""

    tasks: list[Task]
    total: int = Field(
        ge=0,
        description="How many tasks the filters let through, on all pages.",
        json_schema_extra=INT64,
    )
    limit: int = Field(ge=1, le=LIMIT_MAX, description="How many tasks a page has at most.")
    offset: int = Field(
        ge=0,
        description="How many tasks were left out; 0 of a page that was asked for by cursor.",
        json_schema_extra=INT64,
    )
    next_cursor: str | None = Field(
        description="Ask for it as `cursor`, with the same filters and sort, and the next page "
        "comes. Null on the last page."
    )


class Failure(Wire):
    """Every error."""

    detail: str = Field(
        description="What went wrong, for a person, in English. Every field that breaks a rule is "
        "named, the first one first."
    )
    error_code: Code = Field(description="For the program. New codes may come.")
    timestamp: datetime = Field(description="When, in UTC.")
