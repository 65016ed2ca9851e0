"""Tasks as values."""

from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Final, NewType

TaskId = NewType("TaskId", int)


class Unset(Enum):
    """The type of `UNSET`: a field that the client did not send, as against one set to null."""

    UNSET = "unset"


UNSET: Final = Unset.UNSET


class Status(StrEnum):
    """Which tasks a list shows."""

    ALL = "all"
    PENDING = "pending"
    COMPLETED = "completed"


@dataclass(frozen=True, slots=True)
class NewTask:
    """What a client may say about a task that it creates."""

    title: str
    description: str | None


@dataclass(frozen=True, slots=True)
class TaskChange:
    """What a client changes; the other fields keep their values, also against other clients."""

    title: str | Unset = UNSET
    description: str | Unset | None = UNSET
    completed: bool | Unset = UNSET


@dataclass(frozen=True, slots=True)
class Window:
    """The part of a list to read: at most `limit` tasks after the first `offset`."""

    status: Status
    limit: int
    offset: int


class Refusal(Enum):
    """Why a row was left alone."""

    MISSING = "missing"
    CONFLICT = "conflict"


@dataclass(frozen=True, slots=True)
class Rendered:
    """One task as the contract writes it (a JSON object), and the version that it shows."""

    body: str
    task_id: TaskId
    version: int


@dataclass(frozen=True, slots=True)
class RenderedPage:
    """A page of tasks as the contract writes them (a JSON array).

    `total` counts what the filter matches. `version` is that of the whole list. `items` is None
    when the caller already holds this version.
    """

    items: str | None
    total: int
    version: int
