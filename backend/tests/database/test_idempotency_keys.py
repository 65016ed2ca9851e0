"""The rows of idempotency keys: written with their task or not at all, and gone in time."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Final

import asyncpg
import pytest
import pytest_asyncio

from tests.database.databases import (
    ALL,
    SHAPE,
    connector,
    database,
    login,
    opened,
    pooled,
    session,
    until_blocked,
    until_called_off,
    user,
)
from todo_backend.database import migrate
from todo_backend.database.tasks import TaskFunctions
from todo_backend.database.upkeep import UPKEEP, prune_keys
from todo_backend.database.url import ConnectArgs
from todo_backend.database.walls import ROLES
from todo_backend.model.attempt import Attempt, KeyTaken
from todo_backend.model.errors import DatabaseUnavailable
from todo_backend.model.principal import Principal
from todo_backend.model.task import NewTask, Rendered

MILK: Final = NewTask("Buy milk", None)
COUNT: Final = "SELECT count(*) FROM idempotency_keys WHERE user_id = $1"
TASKS: Final = "SELECT count(*) FROM tasks WHERE user_id = $1"
# So many of a user's keys, each a second older than the one before, none of them good any more.
EXPIRED: Final = """
INSERT INTO idempotency_keys (user_id, key, fingerprint, body, task_id, version, expires_at)
    SELECT $1, 'old-' || n, sha256(''), '{}', 1, 1, now() - n * interval '1 second'
    FROM generate_series(1, $2) n
"""


def attempt(key: str = "a-key", request: bytes = b"a request") -> Attempt:
    return Attempt(key, request)


@pytest_asyncio.fixture
async def own(migrated: ConnectArgs) -> AsyncIterator[TaskFunctions]:
    """The task functions in a database that the test may spoil."""
    async with opened(migrated) as found:
        yield found.tasks(SHAPE)


@pytest_asyncio.fixture
async def alice(own: TaskFunctions) -> Principal:
    """A user whom the database knows."""
    found = user("alice")
    await own.create(found, MILK)
    return found


async def expire(truth: asyncpg.Connection, owner: Principal, keys: int) -> None:
    await truth.execute(EXPIRED, owner.user_id, keys)


@pytest.mark.parametrize("table", ["tasks", "idempotency_keys"])
async def test_fa_36_a_task_and_its_key_are_kept_together_or_not_at_all(
    own: TaskFunctions, truth: asyncpg.Connection, alice: Principal, table: str
) -> None:
    """Whichever of the two rows can't be written, the other isn't either, nor counted."""
    await truth.execute(f"ALTER TABLE {table} ADD CONSTRAINT no CHECK (false) NOT VALID")
    before = await own.page(alice, ALL, known_versions=None)

    with pytest.raises(asyncpg.CheckViolationError):
        await own.create_once(alice, MILK, attempt())

    assert await own.page(alice, ALL, known_versions=None) == before
    assert await truth.fetchval(COUNT, alice.user_id) == 0
    await truth.execute(f"ALTER TABLE {table} DROP CONSTRAINT no")
    made = await own.create_once(alice, MILK, attempt())
    assert isinstance(made, Rendered)
    assert not made.is_replayed


async def test_fa_36_a_first_attempt_that_dies_leaves_the_key_free(
    own: TaskFunctions, migrated: ConnectArgs, truth: asyncpg.Connection, alice: Principal
) -> None:
    """While it waits it is running; when its process is gone, the next attempt is the first."""
    schema = SHAPE.schema
    async with session(migrated) as dying, session(migrated) as blocker:
        await blocker.execute("BEGIN; LOCK TABLE task_counters")
        running = asyncio.create_task(
            dying.execute(
                f"SELECT {schema}.create_task_once("
                "$1, NULL, NULL, 'a-key', $2, 'x', NULL, 2::smallint, NULL)",
                alice.user_id,
                attempt().fingerprint(SHAPE.name),
            )
        )
        await until_blocked(truth)
        meanwhile = await own.create_once(alice, MILK, attempt())
        await truth.execute("SELECT pg_terminate_backend($1)", dying.get_server_pid())
        with pytest.raises(asyncpg.PostgresError):
            await running
        await blocker.execute("ROLLBACK")

        made = await own.create_once(alice, MILK, attempt())

    assert meanwhile is KeyTaken.RUNNING
    assert isinstance(made, Rendered)
    assert not made.is_replayed
    assert await truth.fetchval(TASKS, alice.user_id) == 2


async def test_an_unavailable_database_leaves_no_key(
    own: TaskFunctions, migrated: ConnectArgs, truth: asyncpg.Connection, alice: Principal
) -> None:
    """Who was told 503 and waited in vain may send the same again."""
    async with session(migrated) as blocker, opened(migrated, timeout_seconds=0.5) as hasty:
        await blocker.execute("BEGIN; LOCK TABLE task_counters")
        with pytest.raises(DatabaseUnavailable):
            await hasty.tasks(SHAPE).create_once(alice, MILK, attempt())
        # The statement is called off behind the answer's back, and would else win the race.
        await until_called_off(truth)
        await blocker.execute("ROLLBACK")

    made = await own.create_once(alice, MILK, attempt())

    assert isinstance(made, Rendered)
    assert not made.is_replayed
    assert await truth.fetchval(TASKS, alice.user_id) == 2


async def test_a_request_is_told_from_every_other(own: TaskFunctions, alice: Principal) -> None:
    """By its bytes; and each kind of outcome is told from the others."""
    first = await own.create_once(alice, MILK, attempt())

    same = await own.create_once(alice, NewTask("whatever", None), attempt())
    other = await own.create_once(alice, MILK, attempt(request=b"another"))

    assert isinstance(first, Rendered)
    assert same == replace(first, is_replayed=True)
    assert other is KeyTaken.REUSED


async def test_keys_of_many_at_once(own: TaskFunctions, truth: asyncpg.Connection) -> None:
    """A user whom nobody knows, twenty attempts at each of five keys: five tasks."""
    carol = user("carol")

    outcomes = await asyncio.gather(
        *(own.create_once(carol, MILK, attempt(f"key-{n % 5}")) for n in range(100))
    )

    made = [each for each in outcomes if isinstance(each, Rendered) and not each.is_replayed]
    assert len(made) == 5
    assert await truth.fetchval(TASKS, carol.user_id) == 5
    assert KeyTaken.REUSED not in outcomes


async def test_expired_keys_go_while_new_ones_come(
    own: TaskFunctions, truth: asyncpg.Connection, alice: Principal
) -> None:
    """A few with each creation by a key, of that user alone, and none that is still good."""
    bob = user("bob")
    await own.create_once(alice, MILK, attempt("good"))
    await own.create_once(bob, MILK, attempt("good"))
    for owner in (alice, bob):
        await expire(truth, owner, 25)

    counts = []
    for number in range(4):
        await own.create_once(alice, MILK, attempt(f"new-{number}"))
        counts.append(await truth.fetchval(COUNT, alice.user_id))

    assert counts == [17, 8, 4, 5]
    assert await truth.fetchval(COUNT, bob.user_id) == 26
    good = await own.create_once(alice, MILK, attempt("good"))
    assert isinstance(good, Rendered)
    assert good.is_replayed


async def test_creations_at_once_drop_what_has_expired_without_a_deadlock(
    own: TaskFunctions,
    truth: asyncpg.Connection,
    alice: Principal,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Those who meet at the same old rows leave them to each other, their own old keys included."""
    monkeypatch.setattr("todo_backend.database.pool._ROLLED_BACK", ())  # none is run again
    await expire(truth, alice, 200)

    outcomes = await asyncio.gather(
        *(own.create_once(alice, MILK, attempt(f"old-{200 - n}")) for n in range(100))
    )

    assert all(isinstance(each, Rendered) and not each.is_replayed for each in outcomes)
    good = "SELECT count(*) FROM idempotency_keys WHERE user_id = $1 AND expires_at > now()"
    assert await truth.fetchval(good, alice.user_id) == 100


async def test_pruning_takes_what_has_expired_of_every_user(
    own: TaskFunctions,
    migrated: ConnectArgs,
    truth: asyncpg.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In several transactions, whichever users have how many; what is good stays."""
    monkeypatch.setattr("todo_backend.database.upkeep.BATCH_KEYS", 10)
    owners = [user(f"user{n}") for n in range(4)]
    for number, owner in enumerate(owners):
        await own.create_once(owner, MILK, attempt())
        await expire(truth, owner, number * 9)

    async with pooled(connector(migrated), size=1) as pool:
        pruned = await prune_keys(pool)
        again = await prune_keys(pool)

    assert (pruned, again) == (54, 0)
    assert await truth.fetchval("SELECT count(*) FROM idempotency_keys") == len(owners)


async def test_pruning_passes_by_what_somebody_holds(
    own: TaskFunctions, migrated: ConnectArgs, truth: asyncpg.Connection, alice: Principal
) -> None:
    """It waits for nobody, and comes to an end."""
    del own
    await expire(truth, alice, 3)

    async with session(migrated) as holder, pooled(connector(migrated), size=1) as pool:
        await holder.execute("BEGIN; SELECT FROM idempotency_keys WHERE key = 'old-2' FOR UPDATE")
        pruned = await prune_keys(pool)
        await holder.execute("ROLLBACK")

    assert pruned == 2


async def test_a_login_role_without_power_prunes(address: ConnectArgs) -> None:
    """It owns the tables, and sees none of the rows that it has dropped."""
    async with login(address, "INHERIT", groups=ROLES) as args:
        await migrate.up(args, [SHAPE, UPKEEP])
        async with opened(args, pool_size=1) as db:
            owner = user("alice")
            await db.tasks(SHAPE).create_once(owner, MILK, attempt())
        async with session(replace(address, database=args.database)) as truth:
            await expire(truth, owner, 5)

        async with pooled(connector(args), size=1) as pool:
            pruned = await prune_keys(pool)

    assert pruned == 5


async def test_a_deleted_user_leaves_no_key(
    own: TaskFunctions, truth: asyncpg.Connection, alice: Principal
) -> None:
    """What an answer said of a user goes with the user."""
    await own.create_once(alice, MILK, attempt())

    await truth.execute("DELETE FROM users WHERE id = $1", alice.user_id)

    assert await truth.fetchval(COUNT, alice.user_id) == 0


async def test_keys_are_found_by_index(address: ConnectArgs) -> None:
    """However many there are: a creation and a batch of pruning read no table from end to end."""
    scans = "SELECT seq_scan FROM pg_stat_xact_user_tables WHERE relname = 'idempotency_keys'"
    async with database(address) as args, session(args) as truth:
        await migrate.up(args, [SHAPE, UPKEEP])
        await truth.execute(
            "INSERT INTO users (id) SELECT 'user' || n FROM generate_series(1, 50) n"
        )
        for number in range(1, 51):
            await expire(truth, Principal(f"user{number}"), 200)
        await truth.execute("ANALYZE")

        async with truth.transaction():
            before = await truth.fetchval(scans) or 0
            await truth.execute(
                f"SELECT {SHAPE.schema}.create_task_once('user7', NULL, NULL, 'k', sha256(''), 'x',"
                " NULL, 2::smallint, NULL)"
            )
            await truth.execute(f"SELECT {UPKEEP.schema}.prune_keys(100)")
            after = await truth.fetchval(scans) or 0

    assert after == before
