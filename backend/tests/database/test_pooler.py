"""PgBouncer in transaction mode between this product and its database.

Every transaction may go to another session of the server, where names that one client has given
to its prepared statements mean nothing, or something else.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
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
    url_of,
    user,
)
from tests.database.poolers import (
    PGBOUNCER,
    knows_prepared_statements,
    pooler,
    reached_by_tcp,
)
from tests.support.server import environment, serving
from tests.support.users import fresh_caller
from todo_backend.database import migrate
from todo_backend.database.url import ConnectArgs
from todo_backend.model.errors import DatabaseUnavailable
from todo_backend.model.task import NewTask

CLIENTS: Final = 4
ROUNDS: Final = 25

if PGBOUNCER is None:
    pytest.skip("pgbouncer is not installed here", allow_module_level=True)

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


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConnectArgs]:
    with reached_by_tcp(tmp_path_factory.mktemp("behind")) as found:
        yield found


@pytest_asyncio.fixture
async def pooled(
    server: ConnectArgs, tmp_path: Path, *, prepared: bool
) -> AsyncIterator[ConnectArgs]:
    """The database behind the pooler, migrated through it."""
    async with pooler(server, tmp_path, prepared=prepared) as args:
        await migrate.up(args, SHAPES)
        yield args


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
async def test_is_15_is_17_functions_work_through_it(
    pooled: ConnectArgs, *, prepared: bool
) -> None:
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
