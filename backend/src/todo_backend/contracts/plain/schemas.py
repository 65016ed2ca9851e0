"""The bodies of the `plain` contract, one class for each direction."""

from datetime import datetime
from typing import Annotated, Any, Final, Literal, Self

from pydantic import ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema

from todo_backend.model.task import UNSET, Listing, NewTask, Order, Status, TaskChange, Unset
from todo_backend.web.fields import Description, Title
from todo_backend.web.parameters import Query
from todo_backend.web.wire import INT64, Wire, without_default

TITLE_MAX: Final = 200
DESCRIPTION_MAX: Final = 1000

Code = Literal[
    "VALIDATION_ERROR",
    "UNAUTHORIZED",
    "FORBIDDEN",
    "NOT_FOUND",
    "METHOD_NOT_ALLOWED",
    "CONFLICT",
    "RATE_LIMITED",
    "SERVER_ERROR",
    "SERVICE_UNAVAILABLE",
]
"""Every error's name for a program."""

TASK_EXAMPLE: Final[dict[str, Any]] = {
    "id": 1,
    "user_id": "user_123",
    "title": "Buy milk",
    "description": "Two bottles",
    "completed": False,
    "created_at": "2026-01-09T10:00:00.123456Z",
    "updated_at": "2026-01-09T10:00:00.123456Z",
}

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


class UpdateTask(Wire):
    """What shall be different. A field that is absent keeps its value; `{}` changes nothing."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"title": "Buy oat milk", "completed": True}]}
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

    def change(self) -> TaskChange:
        sent = self.model_fields_set
        return TaskChange(
            title=self.title if "title" in sent else UNSET,
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
    """Which tasks to show, and in what order."""

    status: Status = Field(default=Status.ALL, description="All tasks, or those of one status.")
    sort: Order = Field(
        default=Order.CREATED,
        description="Newest first, or by title from A to Z, whatever the letters' case.",
    )
    limit: Annotated[int, Field(ge=1)] | SkipJsonSchema[None] = Field(
        default=None,
        description="How many tasks at most; absent: all of them.",
        json_schema_extra=INT64,
    )
    offset: int = Field(
        default=0,
        ge=0,
        description="How many tasks to leave out at the start of the list.",
        json_schema_extra=INT64,
    )

    @classmethod
    def read(cls, raw: bytes) -> Self:
        """Raises: Invalid."""
        with Query(raw) as query:
            status = query.choice("status", tuple(Status), default=Status.ALL)
            sort = query.choice("sort", tuple(Order), default=Order.CREATED)
            # Nobody can ask for 0, so it stands for no limit here.
            limit = query.integer("limit", minimum=1, default=0) or None
            offset = query.integer("offset", minimum=0, default=0)
        return cls.model_construct(status=status, sort=sort, limit=limit, offset=offset)

    def listing(self) -> Listing:
        return Listing(status=self.status, order=self.sort, limit=self.limit, offset=self.offset)

    @property
    def is_whole(self) -> bool:
        """Whether every task that the filter matches is wanted."""
        return self.limit is None and not self.offset


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
    created_at: datetime = Field(description="In UTC.")
    updated_at: datetime = Field(description="In UTC; the time of the last change.")


class TaskList(Wire):
    """The answer to `listTasks`."""

    tasks: list[Task]
    count: int = Field(
        ge=0,
        description="How many tasks there are of this status, those included that `limit` and "
        "`offset` leave out.",
        json_schema_extra=INT64,
    )


class Failure(Wire):
    """Every error."""

    detail: str = Field(description="What went wrong, for a person, in English.")
    code: Code = Field(description="For the program. New codes may come.")
