"""Lists that are read in chunks: complete, in order and along an index, whoever else writes."""

import re
from itertools import chain
from typing import Any, Final

import asyncpg
import orjson
import pytest

from tests.database.databases import SHAPE, given_task, opened, session, user
from tests.support.many import given_many
from todo_backend.database.functions import RUNTIME_ROLE
from todo_backend.database.tasks import CHUNK_TASKS, TaskFunctions
from todo_backend.database.url import ConnectArgs
from todo_backend.model.principal import Principal
from todo_backend.model.task import Listing, Order, RenderedChunk, RenderedList, Status, TaskId

ORDERS: Final = {Order.CREATED: "created_at DESC, id DESC", Order.TITLE: "title_key, id"}
STATUSES: Final = {
    Status.ALL: "true",
    Status.PENDING: "NOT completed",
    Status.COMPLETED: "completed",
}
orders = pytest.mark.parametrize("order", Order)


async def given_tasks(superuser: asyncpg.Connection, count: int) -> Principal:
    """Give a new user so many tasks."""
    owner = user("many")
    await given_many(superuser, owner.user_id, count)
    return owner


async def expected(superuser: asyncpg.Connection, owner: Principal, wanted: Listing) -> list[int]:
    """Return the ids of a list, asked for in another way."""
    found = await superuser.fetch(
        f"SELECT id FROM tasks WHERE user_id = $1 AND {STATUSES[wanted.status]}"  # noqa: S608 - constants
        f" ORDER BY {ORDERS[wanted.order]} LIMIT $2 OFFSET $3",
        owner.user_id,
        wanted.limit,
        wanted.offset,
    )
    return [task_id for (task_id,) in found]


def ids_of(chunk: RenderedChunk) -> list[int]:
    ids = [task["id"] for task in orjson.loads(f"[{chunk.items}]")]
    assert len(ids) == chunk.count
    return ids


async def read(found: RenderedList) -> list[list[int]]:
    """Return the ids in each chunk."""
    assert found.chunks is not None
    chunks = [chunk async for chunk in found.chunks]
    assert [chunk.is_last for chunk in chunks] == [False] * (len(chunks) - 1) + [True]
    return [ids_of(chunk) for chunk in chunks]


@pytest.mark.parametrize("status", Status)
@orders
@pytest.mark.parametrize("count", [0, 1, 299, 300, 301, 903])
async def test_chunks_are_the_whole_list_in_order(
    tasks: TaskFunctions, superuser: asyncpg.Connection, count: int, order: Order, status: Status
) -> None:
    """However the number of tasks meets the number of a chunk, and among ties."""
    owner = await given_tasks(superuser, count)
    wanted = Listing(status=status, order=order)

    found = await tasks.listing(owner, wanted, known_versions=None)
    chunks = await read(found)

    assert [*chain(*chunks)] == await expected(superuser, owner, wanted)
    assert found.total == sum(map(len, chunks))
    assert all(len(chunk) == CHUNK_TASKS for chunk in chunks[:-1])
    assert chunks[-1] or len(chunks) == 1


@orders
@pytest.mark.parametrize(
    ("limit", "offset"),
    [
        (1, 0),
        (CHUNK_TASKS, 0),
        (CHUNK_TASKS + 1, 0),
        (250, 120),
        (None, 250),
        (9, 400),
        (2**63 - 1, 1),
    ],
)
async def test_part_of_a_list(
    tasks: TaskFunctions,
    superuser: asyncpg.Connection,
    order: Order,
    limit: int | None,
    offset: int,
) -> None:
    """The offset counts from the start, and the limit ends the list in whatever chunk it falls."""
    owner = await given_tasks(superuser, 330)
    wanted = Listing(order=order, limit=limit, offset=offset)

    found = await tasks.listing(owner, wanted, known_versions=None)

    assert [*chain(*await read(found))] == await expected(superuser, owner, wanted)
    assert found.total == 330


async def test_known_list_is_not_read(tasks: TaskFunctions, superuser: asyncpg.Connection) -> None:
    """Its version and total are told all the same."""
    owner = await given_tasks(superuser, 5)

    found = await tasks.listing(owner, Listing(), known_versions=[6, 7])
    nobodys = await tasks.listing(user("nobody"), Listing(), known_versions=[0])

    assert (found.chunks, found.total, found.version) == (None, 5, 7)
    assert (nobodys.chunks, nobodys.total, nobodys.version) == (None, 0, 0)


@orders
async def test_fa_42_task_that_is_there_throughout_comes_once(
    tasks: TaskFunctions, superuser: asyncpg.Connection, order: Order
) -> None:
    """Between any two chunks tasks come and go, among them the one that the next chunk follows."""
    owner = await given_tasks(superuser, 1000)
    before = await expected(superuser, owner, Listing(order=order))
    gone: set[int] = set()
    seen: list[int] = []

    found = await tasks.listing(owner, Listing(order=order), known_versions=None)
    assert found.chunks is not None
    async for chunk in found.chunks:
        seen += ids_of(chunk)
        at = len(seen)
        for task_id in {
            seen[0],
            seen[-1],
            *before[at : at + 3],
            *before[at + 98 : at + 103],
        } - gone:
            await tasks.delete(owner, TaskId(task_id), if_versions=None)
            gone.add(task_id)
        for title in ("", "t2", "t500", "zz"):
            await given_task(tasks, owner, f"{title} ")

    assert len(seen) == len(set(seen))
    assert [each for each in seen if each in set(before) - gone] == [
        each for each in before if each not in gone
    ]


async def test_nothing_is_held_between_chunks(
    address: ConnectArgs, superuser: asyncpg.Connection
) -> None:
    """Many lists are open at once over one connection, and those never read on hold none."""
    owner = await given_tasks(superuser, 250)
    async with opened(address, pool_size=1) as db:
        tasks = db.tasks(SHAPE)

        found = [await tasks.listing(owner, Listing(), known_versions=None) for _ in range(5)]
        begun = [await anext(each.chunks) for each in found if each.chunks is not None]

        assert [chunk.is_last for chunk in begun] == [False] * 5
        assert (db.usage.open, db.usage.idle) == (1, 1)
        assert [len(await read(each)) for each in found[1:]] == [2] * 4


# The plans ------------------------------------------------------------------------------

# The statements of list_chunk, and how it calls their parameters.
STATEMENTS: Final = re.findall(
    r"FROM \(\s*(SELECT \* FROM tasks t WHERE[^;]*?)\s*\) chunk;", SHAPE.scripts()[RUNTIME_ROLE]
)
PARAMETERS: Final = {
    "p_user_id": "text",
    "p_completed": "boolean",
    "p_size": "integer",
    "p_offset": "bigint",
    "p_after_at": "timestamptz",
    "p_after_key": "text",
    "p_after_id": "bigint",
}


async def plan(
    connection: asyncpg.Connection, statement: str, owner: Principal, after: asyncpg.Record
) -> dict[str, Any]:
    """Explain a statement of list_chunk as the function would run it; the lowest node."""
    for name in PARAMETERS:
        statement = re.sub(rf"\b{name}\b", f"${[*PARAMETERS].index(name) + 1}", statement)
    settings = await connection.fetchval(
        "SELECT proconfig FROM pg_proc WHERE proname = 'list_chunk'"
        " AND pronamespace = $1::text::regnamespace",
        SHAPE.schema,
    )
    for name, _, value in (setting.partition("=") for setting in settings):
        await connection.execute("SELECT set_config($1, $2, false)", name, value)
    await connection.execute(
        f"SET ROLE {RUNTIME_ROLE}; SET app.user_id = '{owner.user_id}';"
        f"PREPARE chunk ({', '.join(PARAMETERS.values())}) AS {statement}"
    )
    found = await connection.fetchval(
        "EXPLAIN (FORMAT JSON, ANALYZE, TIMING OFF, BUFFERS OFF) EXECUTE chunk"
        f" ('{owner.user_id}', false, {CHUNK_TASKS}, 0,"
        f" '{after['created_at']}', '{after['title_key']}', {after['id']})"
    )
    node: dict[str, Any] = orjson.loads(found)[0]["Plan"]
    while "Plans" in node:
        (node,) = node["Plans"]
    return node


@pytest.mark.parametrize(
    ("statement", "index"),
    [
        (STATEMENTS[0], "ix_tasks_title"),
        (STATEMENTS[1], "ix_tasks_title"),
        (STATEMENTS[2], "ix_tasks_newest"),
        (STATEMENTS[3], "ix_tasks_newest_by_status"),
    ],
    ids=["titles", "titles by status", "newest", "newest by status"],
)
async def test_a_chunk_starts_where_the_one_before_ended(
    address: ConnectArgs, superuser: asyncpg.Connection, statement: str, index: str
) -> None:
    """The index leads to the position: no task before it is read, and none after the chunk."""
    owner = await given_tasks(superuser, 2000)
    after = await superuser.fetchrow(
        "SELECT * FROM tasks WHERE user_id = $1 ORDER BY created_at LIMIT 1 OFFSET 1000",
        owner.user_id,
    )
    assert after is not None

    async with session(address) as connection:
        node = await plan(connection, statement, owner, after)

    assert (node["Node Type"], node["Index Name"]) == ("Index Scan", index)
    assert "ROW(" in node["Index Cond"]
    assert node["Actual Rows"] == CHUNK_TASKS + 1
    assert node.get("Rows Removed by Filter", 0) <= CHUNK_TASKS
