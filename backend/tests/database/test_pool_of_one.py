"""Users who share one connection: what a request leaves behind must not reach the next."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import asyncpg
import pytest
import pytest_asyncio

from tests.database.databases import ALL, SHAPE, opened, session, until_blocked, user
from tests.support.server import environment, serving
from tests.support.users import Caller, fresh_caller
from todo_backend.database.database import Database
from todo_backend.database.embedded import EmbeddedPostgres
from todo_backend.database.tasks import TaskFunctions
from todo_backend.database.url import ConnectArgs
from todo_backend.model.errors import DatabaseUnavailable
from todo_backend.model.principal import Principal
from todo_backend.model.task import NewTask, TaskChange, TaskId

REQUESTS = 2000
USERS = 4


@pytest_asyncio.fixture
async def db(address: ConnectArgs) -> AsyncIterator[Database]:
    async with opened(address, pool_size=1) as found:
        yield found


@pytest.fixture
def tasks(db: Database) -> TaskFunctions:
    return db.tasks(SHAPE)


@pytest_asyncio.fixture
async def locked(
    address: ConnectArgs, tasks: TaskFunctions
) -> AsyncIterator[tuple[Principal, TaskId, asyncpg.Connection]]:
    """A user with a task that another session holds locked, and that session."""
    owner = user("alice")
    task = await tasks.create(owner, NewTask("Alice's", None))
    async with session(address) as holder:
        await holder.execute("BEGIN")
        await holder.execute("SELECT FROM tasks WHERE id = $1 FOR UPDATE", task.task_id)
        yield owner, task.task_id, holder


async def test_is_13_nothing_leaks_over_http(
    postgres: EmbeddedPostgres, address: ConnectArgs
) -> None:
    """2,000 requests by alternating users on one connection show each of them their own only."""
    del address  # migrated
    chance = random.Random(13)  # noqa: S311 - a run that can be repeated
    async with AsyncExitStack() as stack:
        env = environment(postgres.url, DB_POOL_SIZE="1", LOG_LEVEL="error")
        url = (await stack.enter_async_context(serving(env))).url
        callers = [
            await stack.enter_async_context(fresh_caller(url, f"user{n}")) for n in range(USERS)
        ]
        for caller in callers:
            await caller.given_task(caller.user_id)

        leaks = await asyncio.gather(
            *(_leaks(caller, callers, chance, REQUESTS // USERS) for caller in callers)
        )

    assert leaks == [[]] * USERS


async def _leaks(
    caller: Caller, callers: list[Caller], chance: random.Random, requests: int
) -> list[str]:
    """Send requests and return the answers that hold somebody else's name, or not the caller's."""
    found = []
    others = [other.user_id for other in callers if other is not caller]
    for _ in range(requests):
        if chance.random() < 0.1:
            response = await caller.client.post(caller.tasks, json={"title": caller.user_id})
        else:
            response = await caller.client.get(f"{caller.tasks}?limit=3")
        is_own = response.is_success and caller.user_id in response.text
        if not is_own or any(other in response.text for other in others):
            found.append(response.text)
    return found


async def test_is_13_an_answer_leaves_no_user_behind(db: Database, tasks: TaskFunctions) -> None:
    """Every function's user ends with its transaction, refusals included."""
    owner = user("alice")
    task = await tasks.create(owner, NewTask("Buy milk", None))
    calls = [
        tasks.page(owner, ALL, known_versions=None),
        tasks.get(owner, task.task_id),
        tasks.change(owner, task.task_id, TaskChange(title="Oat milk"), if_versions=[1]),
        tasks.toggle(owner, task.task_id, if_versions=None),
        tasks.delete(owner, task.task_id, if_versions=[1]),
        tasks.delete(owner, task.task_id, if_versions=None),
    ]

    left = []
    for call in calls:
        await call
        left.append(await setting_of(db))

    assert left == [""] * len(calls)
    assert db.usage.open == 1


async def setting_of(db: Database) -> str | None:
    """Ask the pool's only connection for whom it works."""
    statement = "SELECT current_setting('app.user_id', true)"
    (setting,) = await db._pool.read(statement)  # noqa: SLF001 - what no client can ask
    return str(setting)


async def test_is_14_an_error_leaves_no_user_behind(
    db: Database, tasks: TaskFunctions, superuser: asyncpg.Connection
) -> None:
    """A statement that fails after it has named its user takes the name back."""
    owner = user("alice")
    with pytest.raises(asyncpg.CheckViolationError):
        await tasks.create(owner, NewTask("", None))

    assert await setting_of(db) == ""
    assert await superuser.fetchval("SELECT count(*) FROM users WHERE id = $1", owner.user_id) == 0


async def test_is_14_a_cancelled_request_leaves_nothing_for_the_next(
    tasks: TaskFunctions,
    locked: tuple[Principal, TaskId, asyncpg.Connection],
    superuser: asyncpg.Connection,
) -> None:
    """Cut off between naming its user and its answer, and the next user reads their own."""
    alice, task_id, _ = locked
    bob = user("bob")

    cut_off = asyncio.create_task(tasks.toggle(alice, task_id, if_versions=None))
    await until_blocked(superuser)
    cut_off.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await cut_off
    own = await tasks.create(bob, NewTask("Bob's", None))
    page = await tasks.page(bob, ALL, known_versions=None)

    assert "Bob's" in own.body
    assert page.total == 1
    assert "Alice" not in (page.items or "")


async def test_is_14_a_late_answer_never_reaches_the_next_user(
    address: ConnectArgs, locked: tuple[Principal, TaskId, asyncpg.Connection]
) -> None:
    """A request that ran out of time takes its connection with it, and changes nothing later."""
    alice, task_id, holder = locked
    bob = user("bob")
    async with opened(address, pool_size=1, timeout_seconds=1) as hasty:
        tasks = hasty.tasks(SHAPE)
        before = await tasks.get(alice, task_id)

        with pytest.raises(DatabaseUnavailable):
            await tasks.toggle(alice, task_id, if_versions=None)
        page = await tasks.page(bob, ALL, known_versions=None)
        await holder.execute("COMMIT")
        after = await tasks.get(alice, task_id)

    assert (page.items, page.total) == ("[]", 0)
    assert after == before
