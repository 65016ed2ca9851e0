"""The users of a run, and what each of them is known to own."""

import random
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

from tests.contracts.drivers import Driver, Task
from tests.support.server import ORIGIN
from todo_backend.auth import session_cookie

TASKS_MAX: Final = 12
"""How many tasks a user keeps; beyond it, one is deleted before the next is created."""
PRIORITIES: Final = ("low", "medium", "high")
# Two are long gone, so that nothing becomes overdue on the way.
DUES: Final = (None, "2020-02-03T04:05:06Z", "2024-06-07T08:09:10Z", "2091-01-09T00:00:00Z")

COOKIE: Final = session_cookie.NAMES[-1].decode()

# Ids that look like the one before: `{}` is the same for two users.
LOOK_ALIKES: Final = (
    ("{}", "{} "),
    ("{}/x", "{}%2Fx"),
    ("{}-caf\u00e9", "{}-cafe\u0301"),
    ("{}-a", "{}-A"),
    ("{}-\U0001f600", "{}-\U0001f601"),
    ("{}'--", "{}'; --"),
    ("{}-1", "{}-01"),
    ("{}-%", "{}-_"),
)


@dataclass(slots=True)
class Known:
    """A task as its owner has last seen it; `version` is None while nobody has told it."""

    title: str
    description: str | None
    completed: bool = False
    priority: str = "medium"
    due: str | None = None
    version: str | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """A list as it was: its entity tag, what was in it, and how many changes were before it."""

    tag: str
    content: str
    changes: int


@dataclass(slots=True)
class Account:
    """What a user of the `accounts` contract signs in with, and has."""

    email: str
    password: str
    refresh_token: str
    is_signed_out: bool = False


@dataclass(slots=True, eq=False)
class User:
    """One user: `tag` stands in every text that they write, and in nobody else's."""

    number: int
    user_id: str
    tag: str
    chance: random.Random
    token: str = ""
    is_in_cookie: bool = False
    tasks_max: int = TASKS_MAX
    account: Account | None = None
    tasks: dict[int, Known] = field(default_factory=dict)
    keys: dict[str, int] = field(default_factory=dict)
    cursors: list[tuple[str, str]] = field(default_factory=list)
    """Queries of lists, and cursors that they were answered with."""
    lists: dict[str, Seen] = field(default_factory=dict)
    """By contract, the whole list when it was last read."""
    changes: int = 0

    @property
    def proof(self) -> dict[str, str]:
        """The headers that say who asks."""
        if self.is_in_cookie:
            return {"cookie": f"{COOKIE}={quote(self.token, safe='')}", "origin": ORIGIN}
        return bearer(self.token)

    def keep(self, task_id: int, known: Known) -> None:
        self.tasks[task_id] = known
        self.changes += 1

    def drop(self, task_id: int) -> None:
        del self.tasks[task_id]
        self.changes += 1

    def text(self) -> str:
        return f"{self.tag} {self.chance.randrange(10_000)} <b>'\"\\ \u00e9\U0001f600"

    def some_due(self) -> str | None:
        return self.chance.choice(DUES)

    def some_task(self) -> int | None:
        return self.chance.choice(list(self.tasks)) if self.tasks else None

    def newest_first(self, *, completed: bool | None = None) -> list[int]:
        """Return the ids of the tasks in the order of a list; one user creates one at a time."""
        return sorted(
            (
                task_id
                for task_id, known in self.tasks.items()
                if completed in {None, known.completed}
            ),
            reverse=True,
        )


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def id_of(number: int, salt: str) -> str:
    """Name a user by a number; two neighbours can be told apart by looking closely."""
    pair = number // 2
    return LOOK_ALIKES[pair % len(LOOK_ALIKES)][number % 2].format(f"person-{number // 2}-{salt}")


def tag_of(number: int, salt: str) -> str:
    return f"zq{number}x{salt}"


def differences(known: Known, task: Task, driver: Driver) -> list[str]:
    """Say in which fields an answer is not what its owner knows."""
    expected: dict[str, Any] = {
        "title": known.title,
        "description": known.description,
        "completed": known.completed,
    }
    if "priority" in driver.own_fields:
        expected |= {"priority": known.priority, "due_date": known.due}
    return [name for name, value in expected.items() if task[name] != value]
