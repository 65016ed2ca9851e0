"""`todo-backend doctor` on databases in which one of the walls has been broken on purpose."""

from collections.abc import AsyncIterator

import asyncpg
import pytest
import pytest_asyncio

from tests.commands.examining import examined, not_ok, settings
from tests.database.databases import SHAPE, SHAPES, session
from todo_backend import doctor
from todo_backend.database import walls
from todo_backend.database.accounts import ACCOUNTS
from todo_backend.database.url import ConnectArgs
from todo_backend.doctor import Level

# What is broken, by which statement, and the sentences that say so.
BROKEN = {
    "policy dropped": (
        "DROP POLICY owner ON tasks",
        ["no policy of tasks gives users the rows that are theirs"],
    ),
    "policy replaced": (
        "ALTER POLICY owner ON users USING (true)",
        [
            "the policy owner of users may show rows to other users",
            "no policy of users gives users the rows that are theirs",
        ],
    ),
    "policy that takes any row": (
        "ALTER POLICY owner ON task_counters WITH CHECK (true)",
        [
            "the policy owner of task_counters may show rows to other users",
            "no policy of task_counters gives users the rows that are theirs",
        ],
    ),
    "policy added": (
        'CREATE POLICY "Any ""one""" ON task_counters FOR SELECT USING (true)',
        ['the policy Any "one" of task_counters may show rows to other users'],
    ),
    "policy for one role opened to all": (
        "ALTER POLICY lookup ON tasks TO PUBLIC",
        [
            "the policy lookup of tasks may show rows to other users",
            "no policy of tasks lets the role todo_lookup do its work",
        ],
    ),
    "policy of the lookup on another table": (
        "CREATE POLICY lookup ON accounts FOR SELECT TO todo_lookup USING (true)",
        ["the policy lookup of accounts may show rows to other users"],
    ),
    "lookup's policy dropped": (
        "DROP POLICY lookup ON tasks",
        ["no policy of tasks lets the role todo_lookup do its work"],
    ),
    "sign-up's policy dropped": (
        "DROP POLICY auth ON users",
        ["no policy of users lets the role todo_auth do its work"],
    ),
    "policy of the sessions dropped": (
        "DROP POLICY auth ON sessions",
        ["no policy of sessions lets the role todo_auth do its work"],
    ),
    "not forced": (
        "ALTER TABLE tasks NO FORCE ROW LEVEL SECURITY",
        ["row-level security is not forced on tasks: the table's owner sees all rows"],
    ),
    "switched off": (
        "ALTER TABLE accounts DISABLE ROW LEVEL SECURITY",
        ["row-level security is off on accounts: only the filters of the queries remain"],
    ),
    "rights withdrawn": (
        "REVOKE UPDATE ON tasks FROM todo_app",
        ["the role todo_app lacks UPDATE on tasks"],
    ),
    "all rights withdrawn": (
        "REVOKE ALL ON sessions FROM todo_auth",
        ["the role todo_auth lacks DELETE, INSERT, SELECT, UPDATE (revoked_at) on sessions"],
    ),
    "the functions of the tasks let to the passwords": (
        "GRANT SELECT ON accounts TO todo_app",
        ["the role todo_app has SELECT on accounts, which it is not to have"],
    ),
    "a column let to": (
        "GRANT SELECT (password_hash) ON accounts TO todo_app",
        ["the role todo_app has SELECT (password_hash) on accounts, which it is not to have"],
    ),
    "the lookup let to the text": (
        "GRANT SELECT ON tasks TO todo_lookup",
        ["the role todo_lookup has SELECT on tasks, which it is not to have"],
    ),
    "tokens let to everybody": (
        "GRANT SELECT, TRIGGER ON refresh_tokens TO PUBLIC",
        ["the public has SELECT, TRIGGER on refresh_tokens, which it is not to have"],
    ),
    "lookup open to all": (
        f"GRANT EXECUTE ON FUNCTION {SHAPE.schema}.task_exists TO PUBLIC",
        [f"functions in {SHAPE.schema} are open to the public"],
    ),
    "lookup open to the accounts": (
        f"GRANT EXECUTE ON FUNCTION {SHAPE.schema}.task_exists TO todo_auth",
        [f"functions in {SHAPE.schema} that are only for todo_app are open to todo_auth"],
    ),
    "lookup closed": (
        f"REVOKE EXECUTE ON FUNCTION {SHAPE.schema}.task_exists FROM todo_app",
        [f"the role todo_app may not call all functions in {SHAPE.schema}"],
    ),
    "door open to all": (
        f"GRANT EXECUTE ON FUNCTION {ACCOUNTS.schema}.find_account TO PUBLIC",
        [f"functions in {ACCOUNTS.schema} are open to the public"],
    ),
    "counters falsified": (
        "UPDATE task_counters SET total = total + 1",
        ["the counters of 2 users differ from the tasks that there are"],
    ),
    "counter lost": (
        "DELETE FROM task_counters WHERE user_id LIKE 'alice%'",
        ["the counters of one user differ from the tasks that there are"],
    ),
}
# Functions that are given away: each with its owner, and whose it becomes.
GIVEN_AWAY = [
    (f"{SHAPE.schema}.get_task", "todo_app", "CURRENT_USER"),
    (f"{SHAPE.schema}.get_task", "todo_app", "todo_lookup"),
    (f"{SHAPE.schema}.task_exists", "todo_lookup", "todo_app"),
    (f"{ACCOUNTS.schema}.live_sessions", "todo_auth", "todo_app"),
]
FORGED = f"""
CREATE FUNCTION {SHAPE.schema}.absence_of(integer) RETURNS text
    LANGUAGE sql AS $$ SELECT 'found' $$;
REVOKE ALL ON FUNCTION {SHAPE.schema}.absence_of(integer) FROM PUBLIC
"""  # noqa: S608 - a constant


@pytest_asyncio.fixture
async def within(migrated: ConnectArgs) -> AsyncIterator[asyncpg.Connection]:
    """A transaction that is undone: roles are the whole server's, and no other test sees them."""
    async with session(migrated) as connection:
        transaction = connection.transaction()
        await transaction.start()
        yield connection
        await transaction.rollback()


@pytest.mark.parametrize(("breaking", "sentences"), BROKEN.values(), ids=BROKEN)
async def test_one_thing_broken(
    inhabited: ConnectArgs, breaking: str, sentences: list[str]
) -> None:
    """It is found, nothing else is, and what the findings say to do puts it right."""
    async with session(inhabited) as connection:
        await connection.execute(breaking)
        found = not_ok(await examined(inhabited))

        assert [each.sentence for each in found] == sentences
        assert {each.level for each in found} == {Level.PROBLEM}
        for each in found:
            assert each.remedy
            await connection.execute(each.remedy)

    assert not_ok(await examined(inhabited)) == []


@pytest.mark.parametrize(("function", "owner", "other"), GIVEN_AWAY)
async def test_function_of_another_role(
    migrated: ConnectArgs, function: str, owner: str, other: str
) -> None:
    """It would run with the wrong role's rights."""
    async with session(migrated) as connection:
        await connection.execute(f"ALTER FUNCTION {function} OWNER TO {other}")

    found = {each.sentence: each.remedy for each in not_ok(await examined(migrated))}

    schema, _, _ = function.partition(".")
    remedy = f"DROP SCHEMA {schema} CASCADE, then todo-backend migrate up"
    # Rights go with their owner, so a function that has changed hands may also be closed.
    assert (
        found[f"functions in {schema} belong to another role than {owner}, and run with its rights"]
        == remedy
    )


@pytest.mark.parametrize("breaking", [FORGED, f"DROP FUNCTION {SHAPE.schema}.get_task"])
async def test_functions_that_no_release_has_made(migrated: ConnectArgs, breaking: str) -> None:
    """One too many may be called in another's place, and one too few is missed."""
    async with session(migrated) as connection:
        await connection.execute(breaking)

    found = not_ok(await examined(migrated))

    sentence = f"the functions in {SHAPE.schema} are not those that its release has put there"
    assert sentence in {each.sentence for each in found}


@pytest.mark.parametrize("role", walls.ROLES)
@pytest.mark.parametrize(
    ("attribute", "claim"),
    [
        ("BYPASSRLS", "may bypass row-level security"),
        ("LOGIN", "may log in"),
        ("SUPERUSER", "is a superuser"),
    ],
)
async def test_role_that_may_too_much(
    migrated: ConnectArgs, within: asyncpg.Connection, *, role: str, attribute: str, claim: str
) -> None:
    """The roles are what the policies bind, so none of these may be."""
    await within.execute(f"ALTER ROLE {role} {attribute}")

    found = not_ok(await doctor.examine(within, settings(migrated), SHAPES))

    assert [each.level for each in found] == [Level.PROBLEM]
    assert found[0].sentence.startswith(f"the role {role} {claim}")
    await within.execute(str(found[0].remedy))
    assert not_ok(await doctor.examine(within, settings(migrated), SHAPES)) == []


async def test_role_with_the_rights_of_another(
    migrated: ConnectArgs, within: asyncpg.Connection
) -> None:
    """The task functions must not come to the passwords by way of a membership."""
    await within.execute("GRANT todo_auth TO todo_app")

    found = not_ok(await doctor.examine(within, settings(migrated), SHAPES))

    assert [each.sentence for each in found] == [
        "the role todo_app is a member of todo_auth, and has its rights"
    ]
    await within.execute(str(found[0].remedy))
    assert not_ok(await doctor.examine(within, settings(migrated), SHAPES)) == []


async def test_role_missing(migrated: ConnectArgs, within: asyncpg.Connection) -> None:
    """Whoever has lost it is told how to make it, and what it needs to be let to its work."""
    await within.execute("ALTER ROLE todo_auth RENAME TO todo_auth_of_old")

    found = not_ok(await doctor.examine(within, settings(migrated), SHAPES))

    assert found[0].sentence == "the role todo_auth, which owns functions, does not exist"
    assert str(found[0].remedy).startswith("CREATE ROLE todo_auth NOLOGIN NOSUPERUSER NOBYPASSRLS")
    assert str(found[0].remedy).endswith(f'GRANT todo_auth TO "{migrated.user}"')
    assert {each.level for each in found} == {Level.PROBLEM}
