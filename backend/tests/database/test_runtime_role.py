"""What the role of the functions may do by itself: nothing without a user, and nothing beside it.

The sessions here are a superuser's that has become `todo_app`, which is what the functions run as.
"""

from collections.abc import AsyncIterator

import asyncpg
import pytest
import pytest_asyncio

from tests.database.databases import SHAPE, SHAPES, opened, session, user
from todo_backend.database import migrate
from todo_backend.database.functions import RUNTIME_ROLE
from todo_backend.database.url import ConnectArgs
from todo_backend.model.attempt import Attempt
from todo_backend.model.principal import Principal
from todo_backend.model.tables import OWNED
from todo_backend.model.task import NewTask

INSERT = {
    "users": "INSERT INTO users (id) VALUES ($1)",
    "task_counters": "INSERT INTO task_counters VALUES ($1, 0, 0, 0)",
    "tasks": "INSERT INTO tasks (user_id, title) VALUES ($1, 'x')",
    "idempotency_keys": "INSERT INTO idempotency_keys SELECT $1, 'k', sha256(''), '', 1, 1, now()",
}

tables = pytest.mark.parametrize("table", INSERT)


@pytest_asyncio.fixture
async def runtime(address: ConnectArgs) -> AsyncIterator[asyncpg.Connection]:
    """A session as the runtime role."""
    async with session(address) as connection:
        await connection.execute(f"SET ROLE {RUNTIME_ROLE}")
        yield connection


@pytest_asyncio.fixture
async def alice(address: ConnectArgs) -> Principal:
    """A user with a row in every table of the tasks."""
    found = user("alice")
    async with opened(address, pool_size=1) as db:
        attempt = Attempt("a-key", b"a request")
        await db.tasks(SHAPE).create_once(found, NewTask("Buy milk", None), attempt)
    return found


async def become(connection: asyncpg.Connection, user_id: str) -> None:
    """Name the user for the rest of the transaction, as the functions do."""
    await connection.execute("SELECT set_config('app.user_id', $1, true)", user_id)


async def seen(connection: asyncpg.Connection, table: str) -> int:
    count: int = await connection.fetchval(f"SELECT count(*) FROM {table}")  # noqa: S608 - ours
    return count


@tables
async def test_is_05_without_a_user_a_table_is_empty(
    runtime: asyncpg.Connection, superuser: asyncpg.Connection, alice: Principal, table: str
) -> None:
    """There are rows, and the role sees none of them before it is told for whom it works."""
    del alice

    assert await seen(superuser, table) > 0
    assert await seen(runtime, table) == 0


@tables
async def test_is_06_a_transaction_takes_its_user_with_it(
    runtime: asyncpg.Connection, alice: Principal, table: str
) -> None:
    """After the COMMIT the setting is '' and not NULL, and that is nobody's name."""
    async with runtime.transaction():
        await become(runtime, alice.user_id)
        during = await seen(runtime, table)
    setting = await runtime.fetchval("SELECT current_setting('app.user_id', true)")

    assert during == 1
    assert setting == ""
    assert await seen(runtime, table) == 0


@tables
async def test_is_16_outside_a_transaction_a_user_lasts_for_one_statement(
    runtime: asyncpg.Connection, alice: Principal, table: str
) -> None:
    """A setting that is local to a statement never reaches the next one."""
    await become(runtime, alice.user_id)

    assert await seen(runtime, table) == 0


@tables
async def test_is_08_rows_of_another_user_are_refused(
    runtime: asyncpg.Connection, alice: Principal, table: str
) -> None:
    """Working for one user, the role can't write a row of another (42501)."""
    await runtime.execute("BEGIN")
    await become(runtime, user("bob").user_id)

    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await runtime.execute(INSERT[table], alice.user_id)

    await runtime.execute("ROLLBACK")


@tables
async def test_is_08_rows_are_not_given_away(
    runtime: asyncpg.Connection, alice: Principal, table: str
) -> None:
    """The owner of a row can't be changed to another user (42501)."""
    await runtime.execute("BEGIN")
    await become(runtime, alice.user_id)

    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await runtime.execute(f"UPDATE {table} SET {OWNED[table]} = 'bob'")  # noqa: S608 - ours

    await runtime.execute("ROLLBACK")


@tables
async def test_statements_without_a_filter_touch_own_rows_only(
    runtime: asyncpg.Connection, superuser: asyncpg.Connection, alice: Principal, table: str
) -> None:
    """`DELETE FROM tasks`, in the name of somebody else, deletes nothing of alice's."""
    count = f"SELECT count(*) FROM {table} WHERE {OWNED[table]} = $1"  # noqa: S608 - ours
    await runtime.execute("BEGIN")
    await become(runtime, user("bob").user_id)

    changed = await runtime.execute(f"UPDATE {table} SET {OWNED[table]} = {OWNED[table]}")  # noqa: S608 - ours
    deleted = await runtime.execute(f"DELETE FROM {table}")  # noqa: S608 - ours
    await runtime.execute("COMMIT")

    assert (changed, deleted) == ("UPDATE 0", "DELETE 0")
    assert await superuser.fetchval(count, alice.user_id) == 1


@tables
async def test_is_06_nobody_can_be_an_owner_without_a_name(
    runtime: asyncpg.Connection, superuser: asyncpg.Connection, table: str
) -> None:
    """A row of '' would be everybody's after a COMMIT: policy and CHECK refuse it, each alone."""
    await runtime.execute("BEGIN")
    await become(runtime, "")

    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await runtime.execute(INSERT[table], "")
    with pytest.raises(asyncpg.CheckViolationError):
        await superuser.execute(INSERT[table], "")

    await runtime.execute("ROLLBACK")


@tables
async def test_is_10_row_security_can_not_be_switched_off(
    runtime: asyncpg.Connection, table: str
) -> None:
    """`SET row_security = off` makes statements fail (42501), it doesn't let them through."""
    await runtime.execute("SET row_security = off")

    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await seen(runtime, table)


@pytest.mark.parametrize(
    "statement",
    [
        "TRUNCATE tasks",
        "DROP TABLE tasks",
        "ALTER TABLE tasks DISABLE ROW LEVEL SECURITY",
        "ALTER TABLE tasks NO FORCE ROW LEVEL SECURITY",
        "DROP POLICY owner ON tasks",
        "ALTER POLICY lookup ON tasks TO PUBLIC USING (true)",
        "GRANT todo_lookup TO todo_app",
        "CREATE POLICY everybody ON tasks USING (true)",
        "CREATE TABLE public.mine (id int)",
        "CREATE TABLE theirs (user_id text REFERENCES users (id))",
        f"CREATE FUNCTION {SHAPE.schema}.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE ROLE mine",
        "CREATE DATABASE mine",
    ],
)
async def test_is_03_the_role_can_change_no_rule(
    runtime: asyncpg.Connection, statement: str
) -> None:
    """Whoever gets the functions to run a statement of theirs still can't lift the policies."""
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await runtime.execute(statement)


async def test_the_role_can_not_log_in(address: ConnectArgs) -> None:
    """It is reached through the functions and in no other way."""
    keywords = address.kwargs() | {"user": RUNTIME_ROLE}

    with pytest.raises(asyncpg.InvalidAuthorizationSpecificationError):
        await asyncpg.connect(**keywords)


async def test_a_login_role_can_not_reach_around_the_functions(address: ConnectArgs) -> None:
    """Somebody else who may log in has neither the tables nor the functions."""
    await migrate.up(address, SHAPES)
    async with session(address) as connection:
        await connection.execute("CREATE ROLE passer_by")
        try:
            await connection.execute("SET ROLE passer_by")
            for statement in (
                "SELECT * FROM tasks",
                f"SELECT {SHAPE.schema}.get_task('alice', 1)",
            ):
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await connection.execute(statement)
        finally:
            await connection.execute("RESET ROLE; DROP ROLE passer_by")
