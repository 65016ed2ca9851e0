"""The bodies of the `accounts` contract that are about tasks, and those of errors."""

from datetime import datetime
from typing import Annotated, Any, Final, Literal

from pydantic import ConfigDict, Field, RootModel
from pydantic.json_schema import SkipJsonSchema

from todo_backend.model.task import UNSET, NewTask, TaskChange, Unset
from todo_backend.web.fields import Description, Title
from todo_backend.web.wire import INT64, Wire, without_default

TITLE_MAX: Final = 200
DESCRIPTION_MAX: Final = 2000

TASK_EXAMPLE: Final[dict[str, Any]] = {
    "id": 1,
    "title": "Buy milk",
    "description": "Two bottles",
    "completed": False,
    "user_id": "7b0bd2e45f2c4a399d4b8c6f3b1f0a55",
    "created_at": "2026-01-11T10:00:00.123456Z",
    "updated_at": "2026-01-11T10:00:00.123456Z",
}

Kind = Literal["missing", "too_long", "out_of_range", "invalid"]
"""What is wrong with a field, for a program."""

_TITLE_RULE: Final = Title(TITLE_MAX).sentence
_DESCRIPTION_RULE: Final = Description(DESCRIPTION_MAX).sentence


# In ------------------------------------------------------------------------------------


class CreateMyTask(Wire):
    """A new task. Whose it is, its id and its times are the server's to say."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"title": "Buy milk", "description": "Two bottles"}]}
    )

    title: Annotated[str, Title(TITLE_MAX)] = Field(description=_TITLE_RULE)
    description: Annotated[str, Description(DESCRIPTION_MAX)] | None = Field(
        default=None, description=f"{_DESCRIPTION_RULE} Null or absent: none."
    )

    def draft(self) -> NewTask:
        return NewTask(title=self.title, description=self.description)


class UpdateMyTask(Wire):
    """What to change of a task. What is absent keeps its value."""

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
    completed: bool = Field(
        default=False, description="Absent: as it was.", json_schema_extra=without_default
    )

    def change(self) -> TaskChange:
        sent = self.model_fields_set
        return TaskChange(
            title=self.title if "title" in sent else UNSET,
            description=self.description if "description" in sent else UNSET,
            completed=self.completed if "completed" in sent else UNSET,
        )


class ToggleMyTask(Wire):
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


class MyTask(Wire):
    """A task."""

    model_config = ConfigDict(json_schema_extra={"examples": [TASK_EXAMPLE]})

    # The fields stand in the order in which task.sql writes them.
    id: int = Field(
        ge=1, description="The task's number, never used again.", json_schema_extra=INT64
    )
    title: str
    description: str | None
    completed: bool
    user_id: str = Field(description="Whose task it is.")
    created_at: datetime = Field(description="In UTC.")
    updated_at: datetime = Field(description="In UTC; the time of the last change.")


class MyTasks(RootModel[list[MyTask]]):
    """All of the user's tasks, newest first."""


class InvalidField(Wire):
    """A field that breaks a rule."""

    field: str = Field(description="The field of the body, or the parameter; `body` is all of it.")
    message: str = Field(description="For a person, in English.")
    type: Kind = Field(description="For the program. New words may come.")


class Problem(Wire):
    """Every error."""

    detail: str = Field(description="For a person, in English.")
    errors: list[InvalidField] | SkipJsonSchema[None] = Field(
        default=None, description="Every field that breaks a rule; with 422 alone."
    )
