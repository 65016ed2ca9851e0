"""How PostgreSQL reads a page in any order: along its index, from the position on."""

import re
from collections.abc import AsyncIterator, Iterator
from typing import Any, Final

import orjson
import pytest
import pytest_asyncio

from tests.database.databases import SHAPE, SHAPES, database, session
from todo_backend.database import migrate
from todo_backend.database.functions import RUNTIME_ROLE
from todo_backend.database.paging import page_function
from todo_backend.database.url import ConnectArgs
from todo_backend.model.search import Sort, SortKey

OWNER: Final = "many"
TASKS: Final = 6_000
OTHERS: Final = 200
LIMIT: Final = 50
DEPTHS: Final = (1, TASKS // 2, TASKS - LIMIT)
GIVEN: Final = f"""
INSERT INTO users (id) VALUES ('{OWNER}');
INSERT INTO tasks (user_id, title, completed, priority, due_date, created_at, updated_at)
    SELECT '{OWNER}', md5(n::text), n % 2 = 0, 1 + n % 3, at + n % 777 * interval '1 hour', at,
        at + n % 1000 * interval '1 minute'
    FROM generate_series(1, {TASKS}) n, LATERAL (SELECT now() - n * interval '1 minute') _ (at);
"""  # noqa: S608 - constants
GIVEN_OTHERS: Final = f"""
INSERT INTO users (id) SELECT 'user' || n FROM generate_series(1, {OTHERS}) n;
INSERT INTO tasks (user_id, title, created_at, updated_at)
    SELECT 'user' || 1 + n % {OTHERS}, md5(n::text), at, at
    FROM generate_series(1, {TASKS}) n, LATERAL (SELECT now() - n * interval '1 minute') _ (at);
"""  # noqa: S608 - constants
FUNCTION: Final = re.compile(r"CREATE FUNCTION (\w+)\(.*?\n\$\$;", re.DOTALL)
FUNCTIONS: Final = {
    found[1]: found[0] for found in FUNCTION.finditer(SHAPE.scripts()[RUNTIME_ROLE])
}
SETTING: Final = re.compile(r"\bSET ((?:plan_cache_mode|enable_sort) = \w+)")
PAGE: Final = re.compile(r"FROM \(\s*(SELECT \* FROM tasks t.*?)\) part;", re.DOTALL)
SKIPPED: Final = re.compile(r"SELECT t\.\w+, t\.id INTO from_key, from_id\s+(FROM .*?);", re.DOTALL)
INDEXES: Final = {
    SortKey.CREATED_AT: "ix_tasks_newest",
    SortKey.UPDATED_AT: "ix_tasks_updated",
    SortKey.DUE_DATE: "ix_tasks_due",
    SortKey.PRIORITY: "ix_tasks_priority",
    SortKey.TITLE: "ix_tasks_title",
}
COLUMNS: Final = {key: key.value for key in SortKey} | {SortKey.TITLE: "title_key"}
TYPES: Final = dict.fromkeys(SortKey, "timestamptz") | {
    SortKey.PRIORITY: "smallint",
    SortKey.TITLE: "text",
}
sorts = pytest.mark.parametrize(
    "sort",
    [Sort(key, descending) for key in SortKey for descending in (False, True)],
    ids=lambda sort: page_function(sort, of_status=False),
)


@pytest_asyncio.fixture(scope="module", params=["new", "analyzed", "alone"])
async def filled(
    request: pytest.FixtureRequest, address: ConnectArgs
) -> AsyncIterator[ConnectArgs]:
    """A database with many tasks of one user among as many of others, unless they are alone.

    Alone, whoever plans for any user thinks of many rows, and of sorting them.
    """
    async with database(address) as args, session(args) as connection:
        await migrate.up(args, SHAPES)
        await connection.execute(GIVEN)
        if request.param != "alone":
            await connection.execute(GIVEN_OTHERS)
        # Which rows are visible to all is what an index alone doesn't know.
        await connection.execute("VACUUM tasks")
        if request.param != "new":
            await connection.execute("ANALYZE")
        yield args


def statements(name: str, pattern: re.Pattern[str]) -> list[str]:
    """Take the statements out of a function."""
    return [str(found) for found in pattern.findall(FUNCTIONS[name])]


async def plan(
    args: ConnectArgs,
    name: str,
    statement: str,
    *,
    depth: int = 1,
    offset: int = 0,
    random_page_cost: int = 4,
) -> list[dict[str, Any]]:
    """Explain a statement as the function runs it, behind the task that is `depth` from the start.

    Gives the nodes from the top down.
    """
    key = next(key for key in SortKey if name.startswith(f"page_by_{key}_"))
    column, order = COLUMNS[key], "DESC" if "_down" in name else "ASC"
    parameters = {
        "p_user_id": "text",
        "p_limit": "integer",
        "p_offset": "bigint",
        "p_completed": "boolean",
        "from_key": TYPES[key],
        "from_id": "bigint",
        "from_undated": "bigint",
        "found_dated": "integer",
        "to_skip": "bigint",
    }
    async with session(args) as connection:
        position = await connection.fetchrow(
            f"SELECT {column}::text, id FROM tasks WHERE user_id = '{OWNER}'"  # noqa: S608 - constants
            f" ORDER BY {column} {order}, id {order} OFFSET {depth - 1} LIMIT 1"
        )
        assert position is not None
        for number, parameter in enumerate(parameters, 1):
            statement = re.sub(rf"\b{parameter}\b", f"${number}", statement)
        settings = SETTING.findall(FUNCTIONS[name])
        assert "plan_cache_mode = force_generic_plan" in settings
        await connection.execute(
            f"SET ROLE {RUNTIME_ROLE}; SET app.user_id = '{OWNER}';"
            f"SET random_page_cost = {random_page_cost};"
            f"{';'.join(f'SET {setting}' for setting in settings)};"
            f"PREPARE page ({', '.join(parameters.values())}) AS {statement}"
        )
        at = "NULL" if position[0] is None else f"'{position[0]}'"
        found = await connection.fetchval(
            "EXPLAIN (FORMAT JSON, ANALYZE, TIMING OFF, BUFFERS OFF) EXECUTE page"
            f" ('{OWNER}', {LIMIT}, {offset}, true, {at}, {position[1]},"
            f" {position[1]}, 0, 0)"
        )
    return list(_nodes(orjson.loads(found)[0]["Plan"]))


def _nodes(top: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield top
    for below in top.get("Plans", ()):
        yield from _nodes(below)


def assert_follows(nodes: list[dict[str, Any]], index: str, *, rows: int) -> None:
    """Assert that this is a scan of the index from the position on, and of nothing in vain."""
    assert not [node for node in nodes if "Sort" in node["Node Type"]]
    scan = nodes[-1]
    assert scan["Node Type"] == "Index Scan"
    assert scan["Index Name"] == index
    assert "ROW(" in scan["Index Cond"]
    assert scan["Actual Rows"] == rows
    assert not scan.get("Rows Removed by Filter")
    assert not scan.get("Rows Removed by Index Recheck")


@sorts
@pytest.mark.parametrize("depth", DEPTHS)
async def test_a_page_at_any_depth_follows_its_index(
    filled: ConnectArgs, sort: Sort, depth: int
) -> None:
    """With statistics and without: it begins at the position and reads what it returns."""
    name = page_function(sort, of_status=False)

    nodes = await plan(filled, name, statements(name, PAGE)[0], depth=depth)

    assert_follows(nodes, INDEXES[sort.key], rows=LIMIT)


@sorts
async def test_many_more_tasks_would_not_be_sorted(filled: ConnectArgs, sort: Sort) -> None:
    """Where the rows are dear, as in a table beyond the memory, it is the same way still."""
    name = page_function(sort, of_status=False)

    nodes = await plan(filled, name, statements(name, PAGE)[0], random_page_cost=1000)

    assert_follows(nodes, INDEXES[sort.key], rows=LIMIT)


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("depth", [1, TASKS // 2])
async def test_a_page_of_one_status_has_its_own_index(
    filled: ConnectArgs, *, descending: bool, depth: int
) -> None:
    """In the order of creation, the tasks of the other status are not even passed by."""
    name = page_function(Sort(SortKey.CREATED_AT, descending), of_status=True)

    nodes = await plan(filled, name, statements(name, PAGE)[0], depth=depth)

    assert_follows(nodes, "ix_tasks_newest_by_status", rows=LIMIT)


@sorts
async def test_a_page_of_one_status_is_not_sorted_either(filled: ConnectArgs, sort: Sort) -> None:
    """The other orders pass by what is of the other status, from the position on."""
    name = page_function(sort, of_status=True)

    nodes = await plan(filled, name, statements(name, PAGE)[0], depth=TASKS // 2)

    assert not [node for node in nodes if "Sort" in node["Node Type"]]
    assert nodes[-1]["Node Type"] == "Index Scan"
    assert "ROW(" in nodes[-1]["Index Cond"]
    assert nodes[-1]["Actual Rows"] == LIMIT


@sorts
async def test_an_offset_is_skipped_in_the_index(filled: ConnectArgs, sort: Sort) -> None:
    """The rows that a page leaves out are not read."""
    name = page_function(sort, of_status=False)
    (skipped,) = statements(name, SKIPPED)
    column = COLUMNS[sort.key]

    nodes = await plan(filled, name, f"SELECT t.{column}, t.id {skipped}", offset=TASKS // 2)

    assert [node["Node Type"] for node in nodes][-1] == "Index Only Scan"
    assert nodes[-1]["Index Name"] == INDEXES[sort.key]
    assert nodes[-1]["Heap Fetches"] == 0
    assert nodes[0]["Actual Rows"] == 1


@pytest.mark.parametrize("descending", [False, True])
async def test_undated_tasks_follow_the_index_too(filled: ConnectArgs, *, descending: bool) -> None:
    """The section at the end of the list is in the order of the ids."""
    name = page_function(Sort(SortKey.DUE_DATE, descending), of_status=False)
    async with session(filled) as connection:
        await connection.execute("UPDATE tasks SET due_date = NULL WHERE id % 2 = 0")

    _, undated = statements(name, PAGE)
    nodes = await plan(filled, name, undated, depth=LIMIT)

    assert not [node for node in nodes if "Sort" in node["Node Type"]]
    assert nodes[-1]["Index Name"] == "ix_tasks_due"
    assert "due_date IS NULL" in nodes[-1]["Index Cond"]
    assert "id" in nodes[-1]["Index Cond"].split("IS NULL")[1]
    assert not nodes[-1].get("Rows Removed by Filter")


async def test_a_sort_would_be_seen(filled: ConnectArgs) -> None:
    """The control: an order that no index has, and a position that is none."""
    name = page_function(Sort(), of_status=False)
    (statement,) = statements(name, PAGE)

    nodes = await plan(filled, name, statement.replace("t.created_at DESC", "t.description"))
    filtered = await plan(
        filled,
        name,
        statement.replace("(t.created_at, t.id) <", "(t.updated_at, t.id) <"),
        depth=TASKS // 2,
    )

    assert any("Sort" in node["Node Type"] for node in nodes)
    assert filtered[-1]["Rows Removed by Filter"] > 0


def test_every_order_has_its_functions() -> None:
    """What is explained here is all there is."""
    pages = [name for name in FUNCTIONS if name.startswith("page_by_")]

    assert len(pages) == 2 * 2 * len(SortKey)
    for name in pages:
        dated = "page_by_due_date" in name
        assert len(statements(name, PAGE)) == (2 if dated else 1)
