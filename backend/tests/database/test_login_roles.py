"""Who may migrate and serve: login roles without power, as managed databases hand them out."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from secrets import token_hex

import asyncpg
import pytest
import pytest_asyncio

from tests.database.databases import (
    SHAPE,
    SHAPES,
    database,
    login,
    migrated_to,
    session,
    url_of,
)
from tests.support.server import environment, serving
from tests.support.users import fresh_caller
from todo_backend.database import migrate
from todo_backend.database.accounts import ACCOUNTS, AUTH_ROLE
from todo_backend.database.embedded import EmbeddedPostgres
from todo_backend.database.functions import RUNTIME_ROLE
from todo_backend.database.url import ConnectArgs, parse
from todo_backend.database.walls import ROLES
from todo_backend.model.tables import OWNED


@pytest_asyncio.fixture
async def untouched(tmp_path: Path) -> AsyncIterator[ConnectArgs]:
    """A server on which this product has never been."""
    with EmbeddedPostgres.start(tmp_path, options={"fsync": "off"}) as server:
        yield parse(server.url)


async def works(args: ConnectArgs, **settings: str) -> None:
    """Serve as this login role, use the tasks as two users, and look for an account."""
    async with (
        serving(environment(url_of(args), **settings)) as running,
        fresh_caller(running.url, "alice") as alice,
        fresh_caller(running.url, "bob") as bob,
    ):
        task = await alice.given_task("Buy milk")
        path = f"{alice.tasks}/{task['id']}"

        assert (await alice.client.put(path, json={"title": "Oat milk"})).status_code == 200
        assert (await alice.client.patch(f"{path}/complete")).json()["data"]["completed"] is True
        assert (await bob.client.get(f"{bob.tasks}/{task['id']}")).status_code == 404
        assert (await bob.client.get(bob.tasks)).json()["data"]["total"] == 0
        assert (await alice.client.get(alice.tasks)).json()["data"]["total"] == 1
    async with session(args) as connection:
        found = f"SELECT user_id FROM {ACCOUNTS.schema}.find_account('nobody@example.org')"  # noqa: S608 - ours
        assert await connection.fetchval(found) is None


async def test_a_role_that_may_create_roles_migrates_and_serves(untouched: ConnectArgs) -> None:
    """On a server that has none of our roles yet, CREATEROLE is all it takes."""
    async with login(untouched, "CREATEROLE") as args:
        await works(args)

        async with session(args) as connection:
            is_bound = await connection.fetchval(
                "SELECT NOT (rolsuper OR rolbypassrls) FROM pg_roles WHERE rolname = current_user"
            )
            for table in OWNED:  # it owns them, and they are forced upon it
                assert await connection.fetch(f"SELECT * FROM {table}") == []  # noqa: S608 - ours

        assert is_bound


@pytest.mark.parametrize("attributes", ["INHERIT", "NOINHERIT"])
async def test_a_member_of_the_roles_migrates_and_serves(
    address: ConnectArgs, attributes: str
) -> None:
    """Where an administrator has made the roles, a member needs no right to create any."""
    async with login(address, attributes, groups=ROLES) as args:
        await works(args)

        await migrate.down(args)
        await works(args)


@pytest.mark.parametrize("groups", [(), *((role,) for role in ROLES), ROLES[:2]])
async def test_a_role_that_is_no_member_is_refused(
    address: ConnectArgs, groups: tuple[str, ...]
) -> None:
    """The database says no, in an error of the driver's own, and nothing is left half done."""
    async with login(address, "INHERIT", groups=groups) as args:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await migrate.up(args, SHAPES)

        report = await migrate.status(args, SHAPES)
        assert report.revision is None
        assert report.missing == tuple(shape.schema for shape in SHAPES)


async def test_an_upgrade_that_needs_more_roles(address: ConnectArgs) -> None:
    """A member of the first release's role stays at that release until an administrator acts."""
    async with login(address, "INHERIT", groups=[RUNTIME_ROLE]) as args:
        await migrated_to(args, "0001")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await migrate.up(args, SHAPES)
        before = await migrate.status(args, SHAPES)

        async with session(address) as administrator:
            await administrator.execute(f"GRANT {', '.join(ROLES[1:])} TO {args.user}")

        assert before.revision == "0001"
        await works(args)


async def test_a_role_that_owns_nothing_serves(address: ConnectArgs) -> None:
    """Another role has migrated; this one is a member of the two whose functions it calls."""
    async with login(address, "INHERIT", groups=[RUNTIME_ROLE, AUTH_ROLE]) as args:
        await migrate.up(replace(address, database=args.database), SHAPES)

        await works(args, MIGRATE_ON_START="false")


async def test_a_role_with_rights_of_its_own_alone_looks_nothing_up(address: ConnectArgs) -> None:
    """What migrating gives a login role are the functions that name a user, and no others."""
    async with login(address, "NOINHERIT", groups=ROLES) as args:
        await migrate.up(args, SHAPES)

        async with session(args) as connection:
            found = await connection.fetchval(
                f"SELECT outcome FROM {SHAPE.schema}.get_task('alice', 1)"  # noqa: S608 - ours
            )
            with pytest.raises(asyncpg.InsufficientPrivilegeError, match="task_exists"):
                await connection.fetchval(f"SELECT {SHAPE.schema}.task_exists(1)")
            with pytest.raises(asyncpg.InsufficientPrivilegeError, match="table tasks"):
                await connection.execute(f"SET ROLE {RUNTIME_ROLE}; TRUNCATE tasks")

    assert found == "missing"


async def test_a_quoted_role_name_is_no_obstacle(address: ConnectArgs) -> None:
    """Hosting services name roles after projects, with hyphens and capitals."""
    name = f'My-App "{token_hex(4)}"'
    quoted = '"' + name.replace('"', '""') + '"'
    async with session(address) as superuser:
        await superuser.execute(f"CREATE ROLE {quoted} LOGIN PASSWORD 'x'")
        await superuser.execute(f"GRANT {', '.join(ROLES)} TO {quoted}")
        try:
            async with database(address, owner=quoted) as args:
                await works(replace(args, user=name, password="x"))
        finally:
            await superuser.execute(f"DROP OWNED BY {quoted} CASCADE; DROP ROLE {quoted}")
