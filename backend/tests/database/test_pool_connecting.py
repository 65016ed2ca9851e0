"""What the pool makes of connections that don't open, and of waits that don't end."""

import asyncio
from dataclasses import replace
from secrets import token_hex

import pytest

from tests.database.databases import PATIENCE_SECONDS, connector, login, pooled, session, url_of
from tests.support.server import environment, serving
from tests.support.users import fresh_caller
from todo_backend.database.url import ConnectArgs
from todo_backend.model.errors import DatabaseUnavailable

# What keeps a login role out, and what lets it in again.
OBSTACLES = {
    "ALTER ROLE {user} CONNECTION LIMIT 0": "ALTER ROLE {user} CONNECTION LIMIT -1",
    "ALTER ROLE {user} NOLOGIN": "ALTER ROLE {user} LOGIN",
    "ALTER ROLE {user} PASSWORD 'another'": "ALTER ROLE {user} PASSWORD '{password}'",
    "REVOKE CONNECT ON DATABASE {database} FROM PUBLIC, {user}": (
        "GRANT CONNECT ON DATABASE {database} TO {user}"
    ),
    "ALTER DATABASE {database} ALLOW_CONNECTIONS false": (
        "ALTER DATABASE {database} ALLOW_CONNECTIONS true"
    ),
    "ALTER DATABASE {database} RENAME TO {database}_": (
        "ALTER DATABASE {database}_ RENAME TO {database}"
    ),
}


@pytest.mark.parametrize("obstacle", OBSTACLES)
async def test_a_server_that_lets_nobody_in(address: ConnectArgs, obstacle: str) -> None:
    """Whatever it says at the door, a later request is let in once that is mended."""
    async with login(address, "INHERIT") as args, session(address) as operator:
        names = {"user": args.user, "database": args.database, "password": args.password}
        async with pooled(connector(args), size=1) as pool:
            await operator.execute(obstacle.format(**names))
            try:
                with pytest.raises(DatabaseUnavailable):
                    await pool.read("SELECT 1")
            finally:
                await operator.execute(OBSTACLES[obstacle].format(**names))

            assert (await pool.read("SELECT 1"))[0] == 1


async def test_no_server_of_the_kind_that_is_asked_for(empty: ConnectArgs) -> None:
    """`target_session_attrs` finds no standby here: in a failover that passes."""
    standby = replace(empty, target_session_attrs="standby")
    async with pooled(connector(standby), size=1) as pool:
        with pytest.raises(DatabaseUnavailable):
            await pool.read("SELECT 1")


@pytest.mark.parametrize("greeting", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"E", b"R\0\0"])
async def test_what_listens_is_no_postgresql(empty: ConnectArgs, greeting: bytes) -> None:
    """Another service, or one that breaks off, is a database that is away."""

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(8)
        writer.write(greeting)
        writer.close()

    async with await asyncio.start_server(greet, "127.0.0.1", 0) as stranger:
        port = stranger.sockets[0].getsockname()[1]
        args = replace(empty, hosts=("127.0.0.1",), ports=(port,), ssl="prefer")
        async with pooled(connector(args), size=1) as pool:
            with pytest.raises(DatabaseUnavailable):
                await pool.read("SELECT 1")


async def test_every_wait_ends_with_the_time_out(address: ConnectArgs, empty: ConnectArgs) -> None:
    """A silent network, a statement without end, a queue that stands still: all end in time."""

    async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with await asyncio.start_server(swallow, "127.0.0.1", 0) as silent:
        port = silent.sockets[0].getsockname()[1]
        unreachable = replace(address, hosts=("127.0.0.1",), ports=(port,))
        for args in (unreachable, empty):
            async with pooled(connector(args), size=2, timeout_seconds=0.3) as pool:
                async with asyncio.timeout(PATIENCE_SECONDS):
                    outcomes = await asyncio.gather(
                        *(pool.read("SELECT pg_sleep(3600)") for _ in range(20)),
                        return_exceptions=True,
                    )
            assert {type(outcome) for outcome in outcomes} == {DatabaseUnavailable}


async def test_a_client_is_told_before_the_database_time_out(
    migrated: ConnectArgs,
) -> None:
    """Over HTTP that is a 503 which says when to come back, and the server goes on serving."""
    settings = environment(url_of(migrated), DATABASE_TIMEOUT="1", DB_POOL_SIZE="2")
    async with serving(settings) as running, fresh_caller(running.url, token_hex(4)) as alice:
        task = await alice.given_task()
        async with session(migrated) as holder:
            await holder.execute("BEGIN; LOCK TABLE tasks")
            response = await alice.client.get(f"{alice.tasks}/{task['id']}")
        after = await alice.client.get(f"{alice.tasks}/{task['id']}")

    assert response.status_code == 503
    assert response.json()["error"]["code"] == "SYSTEM_DATABASE_ERROR"
    assert response.headers["retry-after"].isdigit()
    assert after.status_code == 200
