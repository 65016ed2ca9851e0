"""How PostgreSQL reads a page: along an index, newest first, without sorting anything."""

import re
from collections.abc import AsyncIterator, Iterator
from typing import Any, Final

import orjson
import pytest
import pytest_asyncio

from tests.database.databases import SHAPE, SHAPES, database, session
from todo_backend.database import migrate
from todo_backend.database.accounts import ACCOUNTS
from todo_backend.database.functions import RUNTIME_ROLE
from todo_backend.database.url import ConnectArgs

OWNER: Final = "many"
TASKS: Final = 10_000
OTHERS: Final = 1000
# The statements that list_tasks fills its pages with, and how it calls their parameters.
PAGE: Final = r"FROM \(\s*(SELECT \* FROM tasks t WHERE[^()]*?)\s*\) page"
PAGES: Final = re.findall(PAGE, SHAPE.scripts()[RUNTIME_ROLE])
PARAMETERS: Final = {
    "p_user_id": "text",
    "p_limit": "integer",
    "p_offset": "bigint",
    "p_completed": "boolean",
}
GIVEN: Final = f"""
INSERT INTO users (id) VALUES ('{OWNER}');
INSERT INTO users (id) SELECT 'user' || n FROM generate_series(1, {OTHERS}) n;
INSERT INTO tasks (user_id, title, completed, created_at, updated_at)
    SELECT '{OWNER}', 'task ' || n, n % 10 = 0, at, at
    FROM generate_series(1, {TASKS}) n, LATERAL (SELECT now() - n * interval '1 minute') _ (at);
INSERT INTO tasks (user_id, title, created_at, updated_at)
    SELECT 'user' || 1 + n % {OTHERS}, 'task ' || n, at, at
    FROM generate_series(1, {TASKS}) n, LATERAL (SELECT now() - n * interval '1 minute') _ (at);
"""  # noqa: S608 - constants
GIVEN_ACCOUNTS: Final = """
INSERT INTO accounts (user_id, email, email_key, name, password_hash)
    SELECT id, id, id, 'user', 'a hash' FROM users ON CONFLICT DO NOTHING;
INSERT INTO sessions (user_id, id, expires_at)
    SELECT user_id, 's' || n, now() + interval '1 day' FROM accounts, generate_series(1, 20) n
    ON CONFLICT DO NOTHING;
INSERT INTO refresh_tokens (hash, user_id, session_id, issued_at, expires_at)
    SELECT sha256((user_id || id)::bytea), user_id, id, now(), expires_at FROM sessions
    ON CONFLICT DO NOTHING
"""
# What the roles that see every row find by.
BY_KEY: Final = (
    f"{SHAPE.schema}.task_exists(1)",
    f"{ACCOUNTS.schema}.find_account('user7')",
    f'{ACCOUNTS.schema}.live_sessions(\'[["user7", "s7"], ["user8", "s8"]]\')',
    f"{ACCOUNTS.schema}.rotate(sha256('user7s7'), sha256('x'), now(), 60, 10)",
    f"{ACCOUNTS.schema}.end_sessions('user7', 's8', sha256('user7s7'))",
)
# Of this transaction.
SCANS: Final = """
SELECT sum(seq_scan)::integer AS whole, sum(idx_scan)::integer AS by_index
FROM pg_stat_xact_user_tables
WHERE relname IN ('tasks', 'accounts', 'sessions', 'refresh_tokens')
"""
pages = pytest.mark.parametrize(
    "statement", PAGES, ids=["by status" if "p_completed" in page else "all" for page in PAGES]
)


@pytest_asyncio.fixture(scope="module")
async def filled(address: ConnectArgs) -> AsyncIterator[ConnectArgs]:
    """A database with many tasks of one user among as many of others."""
    async with database(address) as args, session(args) as connection:
        await migrate.up(args, SHAPES)
        await connection.execute(GIVEN)
        yield args


async def plan(args: ConnectArgs, statement: str, *, offset: int = 0) -> list[dict[str, Any]]:
    """Explain a page of list_tasks as the function would run it; the nodes from the top down."""
    for name in PARAMETERS:
        statement = re.sub(rf"\b{name}\b", f"${[*PARAMETERS].index(name) + 1}", statement)
    async with session(args) as connection:
        await connection.execute(
            f"SET ROLE {RUNTIME_ROLE}; SET plan_cache_mode = force_generic_plan;"
            f"SET app.user_id = '{OWNER}';"
            f"PREPARE page ({', '.join(PARAMETERS.values())}) AS {statement}"
        )
        found = await connection.fetchval(
            "EXPLAIN (FORMAT JSON, ANALYZE, TIMING OFF, BUFFERS OFF)"
            f" EXECUTE page ('{OWNER}', 50, {offset}, true)"
        )
    return list(_nodes(orjson.loads(found)[0]["Plan"]))


def _nodes(top: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield top
    for below in top.get("Plans", ()):
        yield from _nodes(below)


def test_there_is_a_page_of_all_and_one_by_status() -> None:
    """What is explained here is taken from the functions themselves."""
    assert [("p_completed" in page) for page in PAGES] == [False, True]


@pytest.mark.parametrize("analyzed", [False, True], ids=["new", "analyzed"])
@pages
async def test_a_page_follows_its_index(
    filled: ConnectArgs, statement: str, *, analyzed: bool
) -> None:
    """With and without statistics: the index's own order, no sort, and no row read in vain."""
    if analyzed:
        async with session(filled) as connection:
            await connection.execute("ANALYZE")
    wanted = "ix_tasks_newest_by_status" if "p_completed" in statement else "ix_tasks_newest"

    nodes = await plan(filled, statement)

    kinds = [node["Node Type"] for node in nodes]
    assert kinds in (["Limit", "Index Scan"], ["Limit", "Result", "Index Scan"])
    assert nodes[-1]["Index Name"] == wanted
    assert nodes[-1]["Actual Rows"] == 50
    assert not nodes[-1].get("Rows Removed by Filter")


@pages
async def test_a_later_page_follows_it_as_well(filled: ConnectArgs, statement: str) -> None:
    """An offset costs the entries that it skips, and still no sort."""
    nodes = await plan(filled, statement, offset=900)

    assert nodes[-1]["Node Type"] == "Index Scan"
    assert nodes[-1]["Actual Rows"] == 950


async def test_a_sort_would_be_seen(filled: ConnectArgs) -> None:
    """The control: an order that no index has."""
    (statement, _) = PAGES

    nodes = await plan(filled, statement.replace("t.created_at DESC", "t.title"))

    assert any("Sort" in node["Node Type"] for node in nodes)


async def test_one_task_is_found_by_its_key(filled: ConnectArgs) -> None:
    """However many tasks its owner has: by owner and id, or by the id, which no two tasks share."""
    nodes = await plan(filled, "SELECT * FROM tasks t WHERE t.user_id = p_user_id AND t.id = 1")

    assert [node["Node Type"] for node in nodes][-1] == "Index Scan"
    assert nodes[-1]["Index Name"] in {"pk_tasks", "ix_tasks_id"}
    assert not nodes[-1].get("Rows Removed by Filter")


@pytest.mark.parametrize("call", BY_KEY)
async def test_who_sees_every_row_reads_along_an_index(filled: ConnectArgs, call: str) -> None:
    """The policies of the roles that see all users' rows keep no function of theirs from a key."""
    async with session(filled) as connection:
        await connection.execute(f"{GIVEN_ACCOUNTS}; ANALYZE")

        async with connection.transaction():
            before = await connection.fetchrow(SCANS)
            await connection.execute(f"SELECT {call}")
            after = await connection.fetchrow(SCANS)

    assert before is not None
    assert after is not None
    assert after["whole"] == before["whole"]
    assert after["by_index"] > before["by_index"]


async def test_reading_a_whole_table_would_be_seen(filled: ConnectArgs) -> None:
    """The control: a name is no key."""
    async with session(filled) as connection, connection.transaction():
        await connection.execute("SELECT FROM accounts WHERE name = 'user'")
        found = await connection.fetchrow(SCANS)

    assert found is not None
    assert found["whole"] == 1
