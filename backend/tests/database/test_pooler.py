"""PgBouncer in transaction mode between this product and its database.

Every transaction may go to another session of the server, where names that one client has given
to its prepared statements mean nothing, or something else.
"""

import asyncio
import os
import re
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

import orjson
import pytest
import pytest_asyncio

from tests.database.databases import (
    ALL,
    SHAPE,
    SHAPES,
    opened,
    session,
    starter,
    until,
    url_of,
    user,
)
from tests.support.server import environment, serving
from tests.support.users import fresh_caller
from todo_backend.database import migrate
from todo_backend.database.embedded import EmbeddedPostgres
from todo_backend.database.url import ConnectArgs, parse
from todo_backend.model.errors import DatabaseUnavailable
from todo_backend.model.task import NewTask

PGBOUNCER: Final = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
CLIENTS: Final = 4
ROUNDS: Final = 25
SERVER_SESSIONS: Final = 3

if PGBOUNCER is None:
    pytest.skip("pgbouncer is not installed here", allow_module_level=True)


def knows_prepared_statements() -> bool:
    said = subprocess.run([str(PGBOUNCER), "--version"], capture_output=True, text=True, check=True)  # noqa: S603 - found above
    found = re.search(r"PgBouncer (\d+)\.(\d+)", said.stdout)
    assert found is not None
    return (int(found[1]), int(found[2])) >= (1, 21)


pairings = pytest.mark.parametrize(
    "prepared",
    [
        pytest.param(False, id="off"),
        pytest.param(
            True,
            id="on",
            marks=pytest.mark.skipif(
                not knows_prepared_statements(), reason="this pgbouncer is older than 1.21"
            ),
        ),
    ],
)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    return port


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConnectArgs]:
    """A server that is reached by TCP, because the pooler runs as another user."""
    port = free_port()
    options = {"fsync": "off", "listen_addresses": "127.0.0.1", "port": str(port)}
    with EmbeddedPostgres.start(tmp_path_factory.mktemp("behind"), options=options) as running:
        yield replace(parse(running.url), hosts=("127.0.0.1",), ports=(port,))


@contextmanager
def pooler(server: ConnectArgs, folder: Path, *, prepared: bool) -> Iterator[ConnectArgs]:
    """Put PgBouncer before the server; `prepared` lets it keep track of prepared statements."""
    port = free_port()
    config = folder / "pgbouncer.ini"
    config.write_text(
        f"[databases]\n* = host=127.0.0.1 port={server.ports[0]}"
        f" user={server.user} password={server.password}\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
        f"auth_type = any\npool_mode = transaction\ndefault_pool_size = {SERVER_SESSIONS}\n"
        + ("max_prepared_statements = 100\n" if prepared else "")
    )
    other_user = ["-u", "nobody"] if os.geteuid() == 0 else []
    process = subprocess.Popen(  # noqa: S603 - the test's own words
        [str(PGBOUNCER), "-q", *other_user, str(config)], stderr=subprocess.DEVNULL
    )
    try:
        yield replace(server, ports=(port,))
    finally:
        process.terminate()
        process.wait()


@pytest_asyncio.fixture
async def pooled(
    server: ConnectArgs, tmp_path: Path, *, prepared: bool
) -> AsyncIterator[ConnectArgs]:
    """The database behind the pooler, migrated through it."""
    with pooler(server, tmp_path, prepared=prepared) as args:
        await until(lambda: _listens(args))
        await migrate.up(args, SHAPES)
        yield args


def _listens(args: ConnectArgs) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((args.hosts[0], args.ports[0])) == 0


@pairings
async def test_starters_migrate_through_it(pooled: ConnectArgs, *, prepared: bool) -> None:
    """One process after the other, each of which finds the names of the one before in use."""
    del prepared
    for _ in range(2):
        with starter(pooled) as process:
            _, said = await asyncio.to_thread(process.communicate)
        assert process.returncode == 0, said

    await migrate.down(pooled)
    assert (await migrate.up(pooled, SHAPES)).is_current


@pairings
async def test_the_functions_work_through_it(pooled: ConnectArgs, *, prepared: bool) -> None:
    """Clients with more connections than the server lets in: no error, and nobody else's rows."""
    assert (
        await asyncio.gather(*(_client(pooled, prepared=prepared) for _ in range(CLIENTS)))
        == [None] * CLIENTS
    )


async def _client(args: ConnectArgs, *, prepared: bool) -> None:
    owner = user("pooled")
    async with opened(args, pool_size=2, prepared=prepared) as db:
        tasks = db.tasks(SHAPE)
        for count in range(1, ROUNDS + 1):
            task = await tasks.create(owner, NewTask(owner.user_id, None))
            await tasks.toggle(owner, task.task_id, if_versions=[task.version])
            page, known, found = await asyncio.gather(
                tasks.page(owner, ALL, known_versions=None),
                tasks.page(owner, ALL, known_versions=[task.version]),
                tasks.get(owner, task.task_id),
            )
            titles = {item["title"] for item in orjson.loads(page.items or "")}
            assert (page.total, known.total, titles) == (count, count, {owner.user_id})
            assert found is not None


@pytest.mark.parametrize("prepared", [False])
async def test_a_deployment_with_the_setting_serves(pooled: ConnectArgs, *, prepared: bool) -> None:
    """DB_PREPARED_STATEMENTS=off is all that an old pooler takes."""
    del prepared
    settings = environment(url_of(pooled), DB_PREPARED_STATEMENTS="off")
    async with serving(settings) as running, fresh_caller(running.url, "alice") as alice:
        for _ in range(ROUNDS):
            await alice.given_task()
            response = await alice.client.get(alice.tasks)
            assert response.status_code == 200

    assert response.json()["data"]["total"] == ROUNDS


@pytest.mark.parametrize("prepared", [False])
async def test_the_wrong_setting_is_a_database_that_is_away(
    pooled: ConnectArgs, *, prepared: bool
) -> None:
    """A statement prepared in a session that somebody else has now: 503, and no defect of ours."""
    del prepared
    owner = user("alice")
    async with opened(pooled, pool_size=1) as db, session(pooled) as other:
        tasks = db.tasks(SHAPE)
        await tasks.create(owner, NewTask("Buy milk", None))

        await other.execute("BEGIN")  # takes the session of the server that was used last
        with pytest.raises(DatabaseUnavailable) as refusal:
            await tasks.create(owner, NewTask("Buy milk", None))
        await other.execute("ROLLBACK")

    assert refusal.value.reason == "InvalidSQLStatementNameError"
