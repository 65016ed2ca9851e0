"""Tasks as values."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, IntEnum, StrEnum
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


class Priority(IntEnum):
    """How much a task matters; the numbers are its rank in the database."""

    LOW = 1
    MEDIUM = 2
    HIGH = 3


class Order(StrEnum):
    """What a whole list is ordered by: newest first, or A to Z whatever the letters' case."""

    CREATED = "created"
    TITLE = "title"


@dataclass(frozen=True, slots=True)
class NewTask:
    """What a client may say about a task that it creates. `due_date` knows its zone."""

    title: str
    description: str | None
    priority: Priority = Priority.MEDIUM
    due_date: datetime | None = None


@dataclass(frozen=True, slots=True)
class TaskChange:
    """What a client changes; the other fields keep their values, also against other clients."""

    title: str | Unset = UNSET
    description: str | Unset | None = UNSET
    completed: bool | Unset = UNSET
    priority: Priority | Unset = UNSET
    due_date: datetime | Unset | None = UNSET


@dataclass(frozen=True, slots=True)
class Window:
    """The part of a list to read: at most `limit` tasks after the first `offset`."""

    status: Status
    limit: int
    offset: int


@dataclass(frozen=True, slots=True)
class Listing:
    """A list to read from end to end: after the first `offset`, at most `limit`, or all (None)."""

    status: Status = Status.ALL
    order: Order = Order.CREATED
    limit: int | None = None
    offset: int = 0


class Refusal(Enum):
    """Why a row was left alone. STRANGERS comes where a contract tells it from MISSING."""

    MISSING = "missing"
    STRANGERS = "strangers"
    CONFLICT = "conflict"


@dataclass(frozen=True, slots=True)
class Rendered:
    """One task as the contract writes it (a JSON object), and the version that it shows.

    `is_replayed` when it was created by an earlier attempt, and is as it was then.
    """

    body: str
    task_id: TaskId
    version: int
    is_replayed: bool = False


@dataclass(frozen=True, slots=True)
class RenderedPage:
    """A page of tasks as the contract writes them (a JSON array).

    `total` counts what the filter matches. `version` is that of the whole list. `items` is None
    when the caller already holds this version.
    """

    items: str | None
    total: int
    version: int


@dataclass(frozen=True, slots=True)
class RenderedChunk:
    """A part of a list: `count` tasks as the contract writes them, with commas between them."""

    items: str
    count: int
    is_last: bool


@dataclass(frozen=True, slots=True)
class RenderedList:
    """A list that may be too long to hold: its chunks are read as they are taken, one at least.

    `total` counts what the filter matches. `version` is that of the whole list when the reading
    began. `chunks` is None when the caller already holds this version.
    """

    chunks: AsyncIterator[RenderedChunk] | None
    total: int
    version: int
