"""What a list is asked for, as values: filters, an order, and where a page begins and ends."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from todo_backend.model.task import Priority, Status, TaskId


class SortKey(StrEnum):
    """What tasks are ordered by. Ties are broken by the id, in the same direction."""

    CREATED_AT = "created_at"
    UPDATED_AT = "updated_at"
    DUE_DATE = "due_date"
    PRIORITY = "priority"
    TITLE = "title"


@dataclass(frozen=True, slots=True)
class Sort:
    """An order of tasks. Those without a due date come last in either direction."""

    key: SortKey = SortKey.CREATED_AT
    descending: bool = True


@dataclass(frozen=True, slots=True)
class Filters:
    """Which tasks are wanted: those that all of these let through.

    `due_after` and `due_before` are exclusive. `overdue`: due in the past, and not completed. Each
    of `words` occurs in the title or the description, in capitals or not.
    """

    status: Status = Status.ALL
    priorities: tuple[Priority, ...] = ()
    due_after: datetime | None = None
    due_before: datetime | None = None
    overdue: bool = False
    words: tuple[str, ...] = ()

    @property
    def are_of_status_alone(self) -> bool:
        """Whether the counters know how many tasks there are of this kind."""
        return self == Filters(status=self.status)


@dataclass(frozen=True, slots=True)
class Position:
    """A place between two tasks, in one order: right behind the task that had these values.

    It stays where it is when that task is changed or deleted. `key` is the value that tasks are
    ordered by, as the database spells it; None stands for no due date.
    """

    key: str | None
    task_id: TaskId


@dataclass(frozen=True, slots=True)
class Search:
    """A page: at most `limit` tasks, behind `after` or (None) after the first `offset`."""

    filters: Filters
    sort: Sort
    limit: int
    offset: int = 0
    after: Position | None = None


@dataclass(frozen=True, slots=True)
class FoundPage:
    """A page of tasks as the contract writes them (a JSON array).

    `total` counts what the filters match. `version` is that of the user's whole list. `end` is
    where the next page begins, None if this is the last. `items` is None when the caller already
    holds this version.
    """

    items: str | None
    total: int
    version: int
    end: Position | None
