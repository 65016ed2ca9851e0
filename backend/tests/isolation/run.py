"""A run: many users at once, each doing one thing after the other, chosen by a seed."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from secrets import token_hex
from typing import Final

import asyncpg

from tests.contracts.drivers import ACCOUNTS
from tests.isolation import given, own, searches, sessions, theirs
from tests.isolation.people import User, id_of, tag_of
from tests.isolation.world import Asking, Finding, Place, World

Operation = Callable[[Asking], Awaitable[None]]

WEIGHTS: Final[dict[Operation, float]] = {
    own.create: 10,
    own.create_once: 4,
    own.get: 10,
    own.change: 8,
    own.complete: 6,
    own.delete: 4,
    own.whole_list: 6,
    own.window: 5,
    own.sorted_list: 4,
    searches.search: 6,
    searches.walk: 4,
    theirs.others_task: 12,
    theirs.others_path: 8,
    theirs.names_another: 5,
    theirs.others_tag: 5,
    theirs.others_list_tag: 3,
    theirs.others_cursor: 6,
    theirs.others_words: 4,
    theirs.others_claims: 2,
    theirs.refused_body: 1,
    theirs.hang_up: 1,
    sessions.refresh: 0.5,
    sessions.sign_in_again: 0.05,
    sessions.end_others_session: 0.5,
    sessions.other_kinds_of_token: 0.5,
}
_OPERATIONS: Final = tuple(WEIGHTS)
_SHARES: Final = tuple(WEIGHTS.values())
_NOBODYS: Final = 2**62
_PASSWORD: Final = "correct horse battery staple"
# The table says what is there; a user is told by the id.
_TRUTH: Final = (
    "SELECT id, user_id, title, description, completed, due_date FROM tasks"
    " WHERE user_id = ANY ($1)"
)
_COUNTERS: Final = "SELECT user_id, total, completed FROM task_counters WHERE user_id = ANY ($1)"


@dataclass(frozen=True, slots=True)
class Plan:
    """How long a run is, and of whom.

    `accounts` of the users sign up and in here; `collectors` begin with more tasks than a page or a
    chunk has room for.
    """

    operations: int
    users: int = 100
    accounts: int = 20
    collectors: int = 4
    seed: int = 1
    stops_at_first: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """What came of a run."""

    plan: Plan
    operations: int
    seconds: float
    findings: Sequence[Finding]
    kinds: dict[str, int]

    @property
    def per_second(self) -> float:
        return self.operations / self.seconds

    def __str__(self) -> str:
        head = (
            f"{self.operations} operations by {self.plan.users} users in {self.seconds:.0f} s"
            f" ({self.per_second:.0f}/s), seed {self.plan.seed}: {len(self.findings)} findings"
        )
        return "\n".join([head, *map(str, self.findings[:20])])


async def run(plan: Plan, places: Sequence[Place], truth: asyncpg.Connection) -> Report:
    """Let everybody loose, then hold the tables against what each user knows."""
    world = World(token_hex(4), places)
    world.users = [_user(number, world.salt, plan.seed) for number in range(plan.users)]
    await given.proofs(world.users, truth)
    await _sign_up(world, plan.accounts)
    await given.collections(world, world.users[: plan.collectors], truth)
    await _warm_up(world)
    started = time.monotonic()
    async with asyncio.TaskGroup() as group:
        for user in world.users:
            group.create_task(_live(user, world, plan))
    seconds = time.monotonic() - started
    if not (plan.stops_at_first and world.findings):
        await _compare(world, truth)
    return Report(plan, world.operations, seconds, world.findings, dict(world.kinds))


def _user(number: int, salt: str, seed: int) -> User:
    user_id = id_of(number, salt)
    return User(
        number,
        user_id,
        tag_of(number, salt),
        random.Random(seed * 1_000_003 + number),  # noqa: S311 - a run that can be repeated
    )


async def _sign_up(world: World, count: int) -> None:
    """Let the last users be accounts, so that the others keep their look-alikes."""
    places = world.places_of(ACCOUNTS)
    if not places:
        return
    for number, user in enumerate(world.users[len(world.users) - count :]):
        asking = Asking(world, user, places[number % len(places)], "sign up")
        await sessions.sign_up(asking, f"{user.tag}@example.test", f"{_PASSWORD} {user.tag}")


async def _warm_up(world: World) -> None:
    """Have every process know the published keys: who waits for them too long is refused."""
    reader = next(user for user in world.users if user.token.startswith(given.PUBLISHED))
    for place in {place.line: place for place in world.places}.values():
        asking = Asking(world, reader, place, "warm up")
        for _ in range(place.line.size):
            answer = await asking.ask("GET", asking.one(_NOBODYS))
            while answer.status == 503:
                await asyncio.sleep(given.PAUSE_SECONDS)
                answer = await asking.ask("GET", asking.one(_NOBODYS))


async def _live(user: User, world: World, plan: Plan) -> None:
    """Do one thing after the other, until all users together have done what was planned."""
    while world.operations < plan.operations:
        if plan.stops_at_first and world.findings:
            return
        world.operations += 1
        (operation,) = user.chance.choices(_OPERATIONS, _SHARES)
        place = user.chance.choice(world.places)
        asking = Asking(world, user, place, operation.__name__)
        world.kinds[operation.__name__] += 1
        try:
            await operation(asking)
        except (AssertionError, KeyError, ValueError, TypeError, OSError, EOFError) as error:
            # An answer of another form than the contract's, or none at all.
            asking.require(False, f"unreadable: {error!r}")  # noqa: FBT003 - found


async def _compare(world: World, truth: asyncpg.Connection) -> None:
    """Every row is as its owner knows it, and there is no other."""
    ids = [user.user_id for user in world.users]
    rows = await truth.fetch(_TRUTH, ids)
    counters = {name: rest for name, *rest in await truth.fetch(_COUNTERS, ids)}
    stored = {row["id"]: row for row in rows}
    for user in world.users:
        asking = Asking(world, user, world.places[0], "the tables")
        asking.require(
            {task_id for task_id, row in stored.items() if row["user_id"] == user.user_id}
            == set(user.tasks),
            "has other tasks",
        )
        for task_id, known in user.tasks.items():
            row = stored.get(task_id)
            found = row and (row["title"], row["description"], row["completed"], row["due_date"])
            due = known.due and datetime.fromisoformat(known.due)
            asking.require(
                found == (known.title, known.description, known.completed, due),
                f"{task_id}: {found}",
            )
        done = sum(known.completed for known in user.tasks.values())
        counted = counters.get(user.user_id, [0, 0])
        asking.require(counted == [len(user.tasks), done], f"counters: {counted}")
