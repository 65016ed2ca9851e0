"""A backup that is restored: the rows, the walls between users, and ids that are never reused."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import asyncpg
import pytest_asyncio

from tests.database.databases import (
    ALL,
    SHAPE,
    SHAPES,
    database,
    given_task,
    opened,
    session,
    tables,
    url_of,
    user,
)
from tests.database.embedded.given import QUICK
from todo_backend import migrating
from todo_backend.database.embedded import EmbeddedPostgres, binary
from todo_backend.database.embedded.binaries import run
from todo_backend.database.url import ConnectArgs, parse

NAUGHTY: Final = ("🍞", "e\u0301", "\u202eright", "a\\b'c\"d", "<script>", "\x01\x1f", "x" * 255)
_POLICIES: Final = """
SELECT relname, relrowsecurity, relforcerowsecurity, polname, polcmd, polroles::text,
    pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid)
FROM pg_policy JOIN pg_class ON pg_class.oid = polrelid ORDER BY relname, polname
"""


@pytest_asyncio.fixture
async def migrated(address: ConnectArgs) -> AsyncIterator[ConnectArgs]:
    async with database(address) as found:
        await migrating.up(found, SHAPES)
        yield found


async def test_fa_47_a_restored_backup_is_the_same(tmp_path: Path, migrated: ConnectArgs) -> None:
    """Every row, every policy and its being forced; the next id is a new one.

    The dump is restored as the manual says: into a new folder that the same release has prepared.
    """
    dump = tmp_path / "tasks.dump"
    alice, bob = user("alice"), user("bob")
    async with opened(migrated) as db:
        for title in NAUGHTY:
            await given_task(db.tasks(SHAPE), alice, title)
        newest = await given_task(db.tasks(SHAPE), bob, "Bob's")
    async with session(migrated) as connection:
        before = await contents(connection)
    archived("pg_dump", migrated, "--format=custom", f"--file={dump}")

    with EmbeddedPostgres.start(tmp_path / "new", options=QUICK) as server:
        restored = parse(server.url)
        await migrating.up(restored, SHAPES)
        how = ("--clean", "--if-exists", "--single-transaction", str(dump))
        await asyncio.to_thread(archived, "pg_restore", restored, *how)
        async with session(restored) as connection:
            after = await contents(connection)
        async with opened(restored) as db:
            tasks = db.tasks(SHAPE)
            page = await tasks.page(alice, ALL, known_versions=None)
            created = await given_task(tasks, alice, "after")

    assert after == before
    assert page.total == len(NAUGHTY)
    assert "Bob's" not in (page.items or "")
    assert created.task_id > newest.task_id


def archived(program: str, args: ConnectArgs, *words: str) -> None:
    """Run a program of PostgreSQL's on a database."""
    done = run(binary(program), "--dbname", url_of(args), *words)
    assert done.returncode == 0, done.stdout


async def contents(connection: asyncpg.Connection) -> dict[str, object]:
    """Return a sum of each table's rows, and all policies."""
    found: dict[str, object] = {
        table: await connection.fetchval(
            "SELECT count(*) || md5(coalesce(string_agg(r::text, '|' ORDER BY r::text), ''))"  # noqa: S608 - the catalogue's names
            f" FROM {table} r"
        )
        for table in sorted(await tables(connection))
    }
    policies = [tuple(row) for row in await connection.fetch(_POLICIES)]
    assert policies
    assert all(is_on and is_forced for _, is_on, is_forced, *_ in policies)
    return found | {"policies": policies}
