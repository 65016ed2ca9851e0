"""`todo-backend doctor` on databases that are well, and with one thing broken on purpose."""

from collections.abc import AsyncIterator
from dataclasses import replace
from secrets import token_hex

import pytest
import pytest_asyncio

from tests.database.databases import SHAPE, SHAPES, opened, session, url_of, user
from tests.support.server import environment as deployment
from todo_backend import doctor
from todo_backend.contracts import CONTRACTS
from todo_backend.core import tasks as core
from todo_backend.database.url import ConnectArgs
from todo_backend.doctor import Finding, Level
from todo_backend.model.task import NewTask
from todo_backend.settings import Settings, load


def settings(args: ConnectArgs, **others: str) -> Settings:
    return load(deployment(url_of(args), **others), env_file=None, contracts=tuple(CONTRACTS))


async def examined(args: ConnectArgs, **others: str) -> list[Finding]:
    return await doctor.database(args, settings(args, **others), SHAPES)


def not_ok(findings: list[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.level is not Level.OK]


@pytest_asyncio.fixture
async def inhabited(migrated: ConnectArgs) -> ConnectArgs:
    """A database with two users and a task each."""
    async with opened(migrated) as database:
        functions = database.tasks(SHAPE)
        for name in ("alice", "bob"):
            await core.create(functions, user(name), NewTask("Buy milk", None))
    return migrated


@pytest_asyncio.fixture
async def own_role(inhabited: ConnectArgs) -> AsyncIterator[str]:
    """A login role that may not bypass anything."""
    name = f"plain_{token_hex(4)}"
    async with session(inhabited) as connection:
        await connection.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'secret' NOBYPASSRLS")
        yield name
        await connection.execute(f"DROP OWNED BY {name}; DROP ROLE {name}")


async def test_healthy_database(inhabited: ConnectArgs) -> None:
    """Everything is looked at, and everything is in order."""
    findings = await examined(inhabited)

    assert not_ok(findings) == []
    assert [finding.sentence for finding in findings][1:] == [
        "every migration has run (revision 0001)",
        "the role todo_app is in order",
        "row-level security binds everybody on every table",
        "the functions run as todo_app",
        "the counters agree with the tasks",
    ]


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
    "policy added": (
        'CREATE POLICY "Any ""one""" ON task_counters FOR SELECT USING (true)',
        ['the policy Any "one" of task_counters may show rows to other users'],
    ),
    "not forced": (
        "ALTER TABLE tasks NO FORCE ROW LEVEL SECURITY",
        ["row-level security is not forced on tasks: the table's owner sees all rows"],
    ),
    "switched off": (
        "ALTER TABLE users DISABLE ROW LEVEL SECURITY",
        ["row-level security is off on users: only the filters of the queries remain"],
    ),
    "rights withdrawn": (
        "REVOKE UPDATE ON tasks FROM todo_app",
        ["the role todo_app may not read and change tasks"],
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


async def test_functions_missing(migrated: ConnectArgs) -> None:
    """A migration brings them back."""
    async with session(migrated) as connection:
        await connection.execute(f"DROP SCHEMA {SHAPE.schema} CASCADE")

    found = not_ok(await examined(migrated))

    assert [each.line for each in found] == [
        f"problem  the functions {SHAPE.schema} are missing. To mend it: todo-backend migrate up"
    ]


async def test_functions_of_somebody_else(migrated: ConnectArgs) -> None:
    """They would run with another role's rights, a superuser's for one."""
    async with session(migrated) as connection:
        await connection.execute(
            f"ALTER FUNCTION {SHAPE.schema}.get_task(text, bigint) OWNER TO CURRENT_USER"
        )

    found = not_ok(await examined(migrated))

    assert len(found) == 1
    assert f"functions in {SHAPE.schema} belong to another role than todo_app" in found[0].sentence


@pytest.mark.parametrize(
    ("attribute", "opposite", "sentence"),
    [
        ("BYPASSRLS", "NOBYPASSRLS", "the role todo_app may bypass row-level security"),
        ("LOGIN", "NOLOGIN", "the role todo_app may log in"),
        ("SUPERUSER", "NOSUPERUSER", "the role todo_app is a superuser"),
    ],
)
async def test_runtime_role_that_may_too_much(
    migrated: ConnectArgs, attribute: str, opposite: str, sentence: str
) -> None:
    """The role is what the policies bind, so none of these may be."""
    async with session(migrated) as connection:
        # The role is the whole server's: other tests never see it changed.
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute(f"ALTER ROLE todo_app {attribute}")
        found = not_ok(await doctor.examine(connection, settings(migrated), SHAPES))
        await transaction.rollback()

    assert [each.level for each in found] == [Level.PROBLEM]
    assert found[0].sentence.startswith(sentence)
    assert opposite in (found[0].remedy or "")


async def test_counters_that_nobody_may_see(inhabited: ConnectArgs, own_role: str) -> None:
    """A user whom row-level security binds can't compare them, and says so instead of `ok`."""
    async with session(inhabited) as connection:
        await connection.execute(f"GRANT todo_app TO {own_role};")
        await connection.execute(f"GRANT SELECT ON todo_alembic_version TO {own_role}")

    found = not_ok(await examined(replace(inhabited, user=own_role, password="secret")))

    assert [(each.level, each.sentence) for each in found] == [
        (
            Level.WARNING,
            "the counters are not checked: needs a role that may bypass row-level security",
        )
    ]


async def test_login_role_without_rights(inhabited: ConnectArgs, own_role: str) -> None:
    """What keeps it from serving is a problem, what keeps it from telling more a warning."""
    found = not_ok(await examined(replace(inhabited, user=own_role, password="secret")))

    assert [each.level for each in found] == [
        Level.WARNING,  # which migrations have run
        Level.WARNING,  # membership, which the next release's migration needs
        Level.PROBLEM,
        Level.WARNING,  # the counters
    ]
    assert "may not call the functions" in found[2].sentence
    assert found[2].remedy == f'GRANT todo_app TO "{own_role}"'


async def test_database_that_takes_no_changes(migrated: ConnectArgs) -> None:
    """Reads would go on, and every change would be 503."""
    async with session(migrated) as connection:
        await connection.execute(
            f"ALTER DATABASE {migrated.database} SET default_transaction_read_only = on"
        )

    found = not_ok(await examined(migrated))

    assert [each.sentence for each in found] == [
        "the database takes no changes: default_transaction_read_only is on"
    ]


async def test_more_connections_than_the_database_has(migrated: ConnectArgs) -> None:
    """All workers together count."""
    async with session(migrated) as connection:
        await connection.execute(f"ALTER DATABASE {migrated.database} CONNECTION LIMIT 15")

    found = not_ok(await examined(migrated, WORKERS="2"))

    assert [each.level for each in found] == [Level.WARNING]
    assert "can open 16 connections to its database, and may have 15" in found[0].sentence


async def test_later_release_has_migrated(migrated: ConnectArgs) -> None:
    """Serving beside it is fine for a while, and worth a word."""
    async with session(migrated) as connection:
        await connection.execute("UPDATE todo_alembic_version SET version_num = '9999'")

    found = not_ok(await examined(migrated))

    assert [each.level for each in found] == [Level.WARNING]
    assert "a newer release has migrated the database (revision 9999)" in found[0].sentence


@pytest.mark.parametrize(("migrates", "level"), [("true", Level.WARNING), ("false", Level.PROBLEM)])
async def test_empty_database(empty: ConnectArgs, migrates: str, level: Level) -> None:
    """Whether that is a problem depends on who is to migrate it."""
    found = not_ok(await examined(empty, MIGRATE_ON_START=migrates))

    assert [each.level for each in found] == [level]
    assert "todo-backend migrate up" in (found[0].remedy or "")
