"""`todo-backend doctor` on databases that are well, of another release, or hard to see into."""

from dataclasses import replace

import pytest

from tests.commands.examining import examined, not_ok
from tests.database.databases import SHAPE, SHAPES, migrated_to, session
from todo_backend.database import walls
from todo_backend.database.inspection import known_revisions
from todo_backend.database.url import ConnectArgs
from todo_backend.doctor import Level


async def test_healthy_database(inhabited: ConnectArgs) -> None:
    """Everything is looked at, and everything is in order."""
    findings = await examined(inhabited)

    assert not_ok(findings) == []
    assert [finding.sentence for finding in findings][1:] == [
        f"every migration has run (revision {known_revisions()[-1]})",
        "the roles todo_app, todo_lookup, todo_auth are in order",
        "row-level security binds everybody on every table",
        "the functions run as the roles made for them",
        "the counters agree with the tasks",
    ]


async def test_functions_missing(migrated: ConnectArgs) -> None:
    """A migration brings them back."""
    async with session(migrated) as connection:
        await connection.execute(f"DROP SCHEMA {SHAPE.schema} CASCADE")

    found = not_ok(await examined(migrated))

    assert [each.line for each in found] == [
        f"problem  the functions {SHAPE.schema} are missing. To mend it: todo-backend migrate up"
    ]


async def test_table_missing(migrated: ConnectArgs) -> None:
    """No statement brings rows back."""
    async with session(migrated) as connection:
        await connection.execute("DROP TABLE refresh_tokens CASCADE")

    found = not_ok(await examined(migrated))

    assert [each.sentence for each in found] == ["the table refresh_tokens is missing"]
    assert "backup" in (found[0].remedy or "")


async def test_counters_that_nobody_may_see(inhabited: ConnectArgs, own_role: str) -> None:
    """A user whom row-level security binds can't compare them, and says so instead of `ok`."""
    async with session(inhabited) as connection:
        await connection.execute(f"GRANT {', '.join(walls.ROLES)} TO {own_role}")
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
        *[Level.PROBLEM] * len(SHAPES),
        Level.WARNING,  # the counters
    ]
    assert str(found[1].remedy).startswith(f'GRANT {", ".join(walls.ROLES)} TO "{own_role}"; or')
    uncallable = found[2:-1]
    assert all("may not call the functions" in each.sentence for each in uncallable)
    assert {each.remedy for each in uncallable} == {
        f'GRANT todo_app TO "{own_role}"',
        f'GRANT todo_auth TO "{own_role}"',
    }


async def test_role_that_serves_alone(inhabited: ConnectArgs, own_role: str) -> None:
    """Whoever doesn't migrate calls functions and needs the role that looks ids up for nothing."""
    async with session(inhabited) as connection:
        await connection.execute(f"GRANT todo_app, todo_auth TO {own_role}")

    found = await examined(
        replace(inhabited, user=own_role, password="secret"), MIGRATE_ON_START="false"
    )

    assert {each.level for each in found} == {Level.OK, Level.WARNING}
    assert "the functions run as the roles made for them" in {each.sentence for each in found}


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
    """Serving beside it is fine for a while, and its tables are not this one's to judge."""
    async with session(migrated) as connection:
        await connection.execute("UPDATE todo_alembic_version SET version_num = '9999'")
        await connection.execute("CREATE POLICY later ON tasks TO todo_app USING (false)")

    found = not_ok(await examined(migrated))

    assert [each.level for each in found] == [Level.WARNING]
    assert "a newer release has migrated the database (revision 9999)" in found[0].sentence


async def test_earlier_release_has_migrated(empty: ConnectArgs) -> None:
    """The migration is all there is to do: nothing that it makes is called missing."""
    await migrated_to(empty, "0001")

    found = not_ok(await examined(empty))

    assert {each.remedy for each in found} == {"todo-backend migrate up"}
    head = known_revisions()[-1]
    assert found[0].sentence == f"the database is at revision 0001, and this release needs {head}"


@pytest.mark.parametrize(("migrates", "level"), [("true", Level.WARNING), ("false", Level.PROBLEM)])
async def test_empty_database(empty: ConnectArgs, migrates: str, level: Level) -> None:
    """Whether that is a problem depends on who is to migrate it."""
    found = not_ok(await examined(empty, MIGRATE_ON_START=migrates))

    assert [each.level for each in found] == [level]
    assert "todo-backend migrate up" in (found[0].remedy or "")
