"""Who may touch accounts, sessions and refresh tokens: their own functions, as their own role."""

from collections.abc import AsyncIterator

import asyncpg
import pytest
import pytest_asyncio

from tests.database.databases import opened
from tests.support.accounts import process_over
from todo_backend.database.accounts import ACCOUNTS, AUTH_ROLE
from todo_backend.database.functions import LOOKUP_ROLE, RUNTIME_ROLE
from todo_backend.database.url import ConnectArgs

TABLES = ("accounts", "sessions", "refresh_tokens")


@pytest_asyncio.fixture
async def used(migrated: ConnectArgs, truth: asyncpg.Connection) -> AsyncIterator[str]:
    """The id of somebody who has signed up, in a database where nobody else has."""
    async with opened(migrated) as database:
        await process_over(database).sign_up()
    user_id: str = await truth.fetchval("SELECT user_id FROM accounts")
    yield user_id


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("role", [RUNTIME_ROLE, LOOKUP_ROLE, "public"])
async def test_the_task_functions_have_no_way_to_them(
    truth: asyncpg.Connection, used: str, table: str, role: str
) -> None:
    """No right at all, on the table or on one of its columns."""
    del used
    rights = "'SELECT,INSERT,UPDATE,DELETE,TRUNCATE,REFERENCES,TRIGGER'"
    in_part = "'SELECT,INSERT,UPDATE,REFERENCES'"

    assert not await truth.fetchval(
        f"SELECT has_table_privilege($1, $2, {rights})"
        f" OR has_any_column_privilege($1, $2, {in_part})",
        role,
        table,
    )


@pytest.mark.parametrize(
    ("statement", "is_allowed"),
    [
        ("SELECT FROM accounts", True),
        ("SELECT FROM users", False),
        ("SELECT FROM tasks", False),
        ("UPDATE accounts SET password_hash = 'x'", True),
        ("UPDATE accounts SET email_key = 'x'", False),
        ("UPDATE accounts SET user_id = 'x'", False),
        ("UPDATE sessions SET expires_at = 'infinity'", False),
        ("UPDATE refresh_tokens SET expires_at = 'infinity'", False),
        ("UPDATE refresh_tokens SET hash = '\\x00'", False),
        ("DELETE FROM accounts", False),
        ("DELETE FROM users", False),
        ("UPDATE users SET email = 'x'", False),
    ],
)
async def test_their_role_has_no_more_than_it_needs(
    truth: asyncpg.Connection, used: str, statement: str, *, is_allowed: bool
) -> None:
    """It gives nobody another address and no session more time."""
    del used
    async with truth.transaction():
        await truth.execute(f"SET LOCAL ROLE {AUTH_ROLE}")
        if is_allowed:
            assert (await truth.execute(statement)).endswith(" 1")
            return
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with truth.transaction():
                await truth.execute(statement)


async def test_whoever_owns_a_table_sees_nothing_in_it(
    truth: asyncpg.Connection, used: str
) -> None:
    """Row-level security is forced: without a user there are no rows, with one there are theirs."""
    async with truth.transaction():
        await truth.execute("CREATE ROLE somebody; GRANT SELECT ON accounts TO somebody")
        await truth.execute("ALTER TABLE accounts OWNER TO somebody; SET LOCAL ROLE somebody")
        without = await truth.fetchval("SELECT count(*) FROM accounts")
        await truth.execute("SELECT set_config('app.user_id', $1, true)", used)
        within = await truth.fetchval("SELECT count(*) FROM accounts")
        await truth.execute("SELECT set_config('app.user_id', 'somebody-else', true)")
        beside = await truth.fetchval("SELECT count(*) FROM accounts")
        await truth.execute("RESET ROLE; ALTER TABLE accounts OWNER TO CURRENT_USER")
        await truth.execute("REVOKE ALL ON accounts FROM somebody; DROP ROLE somebody")

    assert (without, within, beside) == (0, 1, 0)


async def test_only_the_login_role_may_call_the_functions(
    truth: asyncpg.Connection, used: str
) -> None:
    """Nobody else on the server can ask for a hash or open a session."""
    del used
    functions = await truth.fetch(
        "SELECT p.oid::regprocedure::text AS signature, pg_get_userbyid(proowner) AS owner,"
        " has_function_privilege('public', p.oid, 'EXECUTE') AS is_public,"
        " has_function_privilege($2, p.oid, 'EXECUTE') AS is_tasks"
        " FROM pg_proc p WHERE pronamespace = $1::text::regnamespace",
        ACCOUNTS.schema,
        RUNTIME_ROLE,
    )

    assert len(functions) == 8
    assert {tuple(row)[1:] for row in functions} == {(AUTH_ROLE, False, False)}
