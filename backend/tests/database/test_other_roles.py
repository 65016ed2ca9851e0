"""What the roles beside the task functions' may do: one sees ids, one sees accounts, no more.

The sessions here are a superuser's that has become the role, which is what its functions run as.
"""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Final

import asyncpg
import pytest
import pytest_asyncio

from tests.database.databases import SHAPE, SHAPES, login, opened, session, user
from todo_backend.database import migrate
from todo_backend.database.accounts import AUTH_ROLE
from todo_backend.database.functions import LOOKUP_ROLE, RUNTIME_ROLE
from todo_backend.database.tasks import TaskFunctions
from todo_backend.database.url import ConnectArgs
from todo_backend.database.walls import ROLES
from todo_backend.model.attempt import Attempt
from todo_backend.model.task import NewTask, Rendered, TaskId

COLUMNS: Final = {
    "users": "id",
    "tasks": "title",
    "task_counters": "total",
    "idempotency_keys": "body",
    "accounts": "password_hash",
    "sessions": "id",
    "refresh_tokens": "hash",
}
ACCOUNTS: Final = ("accounts", "sessions", "refresh_tokens")
LOOKED_UP: Final = ("tasks", "idempotency_keys")
GIVEN_ACCOUNT: Final = """
WITH owner AS (INSERT INTO users (id) VALUES ($1) RETURNING id),
    account AS (
        INSERT INTO accounts (user_id, email, email_key, name, password_hash)
        SELECT id, id, id, 'Alice', 'a hash' FROM owner
    ),
    opened AS (
        INSERT INTO sessions (user_id, id, expires_at) SELECT id, 'one', now() FROM owner
    )
INSERT INTO refresh_tokens (hash, user_id, session_id, issued_at, expires_at)
    SELECT sha256($1::text::bytea), id, 'one', now(), now() FROM owner
"""
# What each role may do in no table at all, and with columns that it has nothing to do with.
FORBIDDEN: Final = {
    RUNTIME_ROLE: [
        statement
        for table in ACCOUNTS
        for statement in (
            f"SELECT {COLUMNS[table]} FROM {table}",  # noqa: S608 - constants
            f"SELECT FROM {table}",
            f"INSERT INTO {table} DEFAULT VALUES",
            f"UPDATE {table} SET user_id = user_id",  # noqa: S608 - constants
            f"DELETE FROM {table}",  # noqa: S608 - constants
        )
    ],
    LOOKUP_ROLE: [
        "SELECT title FROM tasks",
        "SELECT user_id FROM tasks WHERE id = 1",
        "SELECT id FROM tasks FOR UPDATE",
        "SELECT id FROM tasks WHERE completed",
        "INSERT INTO tasks (user_id, title) VALUES ('a', 'b')",
        "UPDATE tasks SET id = DEFAULT",
        "DELETE FROM tasks",
        "SELECT body FROM idempotency_keys",
        "SELECT user_id FROM idempotency_keys WHERE key = 'a-key'",
        "SELECT user_id FROM idempotency_keys FOR UPDATE",
        "DELETE FROM idempotency_keys",
        *(f"SELECT FROM {table}" for table in COLUMNS if table not in LOOKED_UP),
    ],
    AUTH_ROLE: [
        "SELECT id FROM tasks",
        "SELECT total FROM task_counters",
        "SELECT email FROM users",
        "UPDATE users SET email = NULL",
        "DELETE FROM users",
        "UPDATE accounts SET email_key = 'x'",
        "UPDATE accounts SET user_id = 'x'",
        "DELETE FROM accounts",
        "UPDATE sessions SET user_id = 'x'",
        "UPDATE sessions SET expires_at = 'infinity'",
        "UPDATE refresh_tokens SET user_id = 'x'",
    ],
}
CASES: Final = [(role, statement) for role, all_ in FORBIDDEN.items() for statement in all_]


@pytest_asyncio.fixture
async def connection(address: ConnectArgs) -> AsyncIterator[asyncpg.Connection]:
    async with session(address) as found:
        yield found


@pytest_asyncio.fixture
async def task_id(address: ConnectArgs) -> TaskId:
    """A task of somebody's, with the key that it was created by."""
    async with opened(address, pool_size=1) as db:
        return await given_task_by_key(db.tasks(SHAPE))


async def given_task_by_key(tasks: TaskFunctions) -> TaskId:
    draft, attempt = NewTask("Buy milk", None), Attempt("a-key", b"a request")
    created = await tasks.create_once(user("alice"), draft, attempt)
    assert isinstance(created, Rendered)
    return created.task_id


@pytest.mark.parametrize(("role", "statement"), CASES)
async def test_a_role_can_do_nothing_beside_its_work(
    connection: asyncpg.Connection, role: str, statement: str
) -> None:
    """Whoever gets one of its functions to run a statement of theirs comes no further (42501)."""
    await connection.execute(f"SET ROLE {role}")

    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.execute(statement)


@pytest.mark.parametrize("role", [LOOKUP_ROLE, AUTH_ROLE])
@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE tasks DISABLE ROW LEVEL SECURITY",
        "ALTER POLICY owner ON tasks USING (true)",
        "CREATE POLICY everybody ON accounts USING (true)",
        "CREATE TABLE public.mine (id int)",
        f"CREATE FUNCTION {SHAPE.schema}.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE ROLE mine",
        f"GRANT {RUNTIME_ROLE} TO {LOOKUP_ROLE}",
    ],
)
async def test_a_role_can_change_no_rule(
    connection: asyncpg.Connection, role: str, statement: str
) -> None:
    """Its walls are somebody else's."""
    await connection.execute(f"SET ROLE {role}")

    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.execute(statement)


@pytest.mark.parametrize("role", ROLES)
async def test_a_role_can_not_log_in(address: ConnectArgs, role: str) -> None:
    """It is reached through its functions and in no other way."""
    keywords = address.kwargs() | {"user": role}

    with pytest.raises(asyncpg.InvalidAuthorizationSpecificationError):
        await asyncpg.connect(**keywords)


async def test_existence_is_all_that_is_told(
    connection: asyncpg.Connection, task_id: TaskId
) -> None:
    """Of whosever task: yes or no, the same whoever is named, and no word of it."""
    answers = []
    for name in ("", user("alice").user_id, user("bob").user_id):
        async with connection.transaction():
            await connection.execute("SELECT set_config('app.user_id', $1, true)", name)
            await connection.execute(f"SET LOCAL ROLE {RUNTIME_ROLE}")
            statement = f"SELECT task_exists FROM {SHAPE.schema}.task_exists($1)"  # noqa: S608 - ours
            answers += [await connection.fetchval(statement, each) for each in (task_id, -1)]

    assert answers == [True, False] * 3
    assert all(type(answer) is bool for answer in answers)


@pytest.mark.parametrize("groups", [(), (AUTH_ROLE,)])
async def test_existence_is_told_to_the_task_functions_alone(
    address: ConnectArgs, connection: asyncpg.Connection, groups: tuple[str, ...]
) -> None:
    """A login role that is in no group, or in that of the accounts, can't ask."""
    async with login(address, "INHERIT", groups=groups) as args:
        await connection.execute(f"SET ROLE {args.user}")

        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(f"SELECT {SHAPE.schema}.task_exists(1)")

        await connection.execute("RESET ROLE")


async def test_a_member_of_the_roles_sees_nothing_by_itself(
    address: ConnectArgs, superuser: asyncpg.Connection, task_id: TaskId
) -> None:
    """A login role has their rights by membership, and without a function still no row."""
    await superuser.execute(GIVEN_ACCOUNT, user("alice").user_id)
    reading = [
        f"SELECT count({column}) FROM {table}"  # noqa: S608 - constants
        for table, column in (COLUMNS | {"tasks": "id"}).items()
    ]
    async with login(address, "INHERIT", groups=ROLES) as args, session(address) as connection:
        await connection.execute(f"SET ROLE {args.user}")

        there = [await superuser.fetchval(statement) for statement in reading]
        seen = [await connection.fetchval(statement) for statement in reading]
        changed = await connection.execute("UPDATE sessions SET revoked_at = now()")

        await connection.execute("RESET ROLE")
    assert task_id
    assert all(count > 0 for count in there)
    assert seen == [0] * len(COLUMNS)
    assert changed == "UPDATE 0"


async def test_the_owner_of_the_tables_sees_nothing_by_itself(address: ConnectArgs) -> None:
    """Nor does the role that has migrated, which may read every column."""
    async with login(address, "INHERIT", groups=ROLES) as args:
        await migrate.up(args, SHAPES)
        async with opened(args, pool_size=1) as db:
            await given_task_by_key(db.tasks(SHAPE))
        reading = [f"SELECT * FROM {table}" for table in COLUMNS]  # noqa: S608 - constants

        async with session(replace(address, database=args.database)) as truth:
            await truth.execute(GIVEN_ACCOUNT, user("bob").user_id)
            there = [await truth.fetch(statement) for statement in reading]
        async with session(args) as connection:
            seen = [await connection.fetch(statement) for statement in reading]

    assert all(there)
    assert seen == [[]] * len(COLUMNS)
