"""What the catalogue of a migrated database must say of the functions: owners, callers, paths."""

import re
from collections.abc import AsyncIterator
from typing import Final

import asyncpg
import pytest
import pytest_asyncio

from tests.database.databases import SHAPES, database, session
from todo_backend.database import migrate
from todo_backend.database.accounts import ACCOUNTS, AUTH_ROLE
from todo_backend.database.functions import LOOKUP_ROLE, RUNTIME_ROLE, FunctionSet, Shape
from todo_backend.database.upkeep import UPKEEP
from todo_backend.database.url import ConnectArgs
from todo_backend.database.walls import entry_role, owners_of

FUNCTIONS: Final = """
SELECT p.proname AS name, p.oid::regprocedure::text AS signature, p.prosecdef AS is_door,
    p.proconfig AS settings, pg_get_userbyid(p.proowner) AS owner, n.nspname AS schema,
    p.prosrc AS body, ARRAY(
        SELECT a.grantee::regrole::text
        FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
        WHERE a.grantee <> p.proowner
    ) AS callers
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE n.nspname !~ '^(pg_|information_schema$)'
"""
# What a login role may call of a contract's functions, those that read a page in some order apart.
TASK_DOORS: Final = {
    *("list_tasks", "list_chunk", "get_task", "create_task", "create_task_once"),
    *("update_task", "delete_task"),
}
PAGE_DOOR: Final = re.compile(r"(page|search)_by_\w+")
ACCOUNT_DOORS: Final = {
    *("create_account", "find_account", "open_session", "rotate", "end_sessions"),
    *("live_sessions", "prune_sessions"),
}
sets = pytest.mark.parametrize("functions", SHAPES, ids=lambda each: each.name)


@pytest_asyncio.fixture(scope="module")
async def catalogue(address: ConnectArgs) -> AsyncIterator[asyncpg.Connection]:
    """A superuser's session in a database that holds what the migrations make and nothing else."""
    async with database(address) as args, session(args) as connection:
        await migrate.up(args, SHAPES)
        yield connection


async def found_in(connection: asyncpg.Connection, functions: FunctionSet) -> list[asyncpg.Record]:
    found: list[asyncpg.Record] = await connection.fetch(
        f"{FUNCTIONS} AND n.nspname = $1", functions.schema
    )
    return found


async def test_every_function_is_of_a_set(catalogue: asyncpg.Connection) -> None:
    """There is none beside them, in `public` for one."""
    found = await catalogue.fetch(FUNCTIONS)

    assert {row["schema"] for row in found} == {functions.schema for functions in SHAPES}


@sets
async def test_a_function_belongs_to_the_role_that_it_runs_as(
    catalogue: asyncpg.Connection, functions: FunctionSet
) -> None:
    """Each once, and the accounts' role has none in a contract's set, nor the reverse."""
    found = await found_in(catalogue, functions)

    assert {row["name"]: row["owner"] for row in found} == owners_of(functions)
    assert len(found) == len(owners_of(functions))
    wanted = {AUTH_ROLE} if functions is ACCOUNTS else {RUNTIME_ROLE, LOOKUP_ROLE}
    assert {row["owner"] for row in found} == wanted


@sets
async def test_a_function_is_called_by_those_who_need_it(
    catalogue: asyncpg.Connection, functions: FunctionSet, address: ConnectArgs
) -> None:
    """The login role calls the entry role's, which alone calls the others; nobody else any."""
    entry = entry_role(functions)

    found = await found_in(catalogue, functions)

    for row in found:
        caller = address.user if row["owner"] == entry else entry
        assert row["callers"] == [caller], row["signature"]


@sets
async def test_is_10_privileged_functions_have_a_fixed_search_path(
    catalogue: asyncpg.Connection, functions: FunctionSet
) -> None:
    """Each that runs as its owner names where it looks, and temporary tables come last."""
    found = [row for row in await found_in(catalogue, functions) if row["is_door"]]

    assert found
    for row in found:
        settings = dict(setting.split("=", 1) for setting in row["settings"])
        path = [part.strip() for part in settings["search_path"].split(",")]
        assert path == ["pg_catalog", row["schema"], "public", "pg_temp"], row["signature"]


@sets
async def test_the_doors_are_the_privileged_functions(
    catalogue: asyncpg.Connection, functions: FunctionSet
) -> None:
    """What is called from outside runs as its owner; the helpers run as who calls them."""
    found = await found_in(catalogue, functions)

    doors = {row["name"] for row in found if row["is_door"] and row["owner"] != LOOKUP_ROLE}
    if functions is ACCOUNTS:
        assert doors == ACCOUNT_DOORS
    elif functions is UPKEEP:
        assert doors == {"prune_keys"}
    else:
        pages = {name for name in doors if PAGE_DOOR.fullmatch(name)}
        assert doors - pages == TASK_DOORS
        assert len(pages) > 10


@pytest.mark.parametrize(
    "functions", [each for each in SHAPES if isinstance(each, Shape)], ids=lambda each: each.name
)
async def test_is_16_every_door_to_the_tasks_names_its_user_first(
    catalogue: asyncpg.Connection, functions: Shape
) -> None:
    """Before that, the policies hide everything; and nothing runs as another role than the two."""
    found = await found_in(catalogue, functions)

    doors = [row for row in found if row["is_door"] and row["owner"] == RUNTIME_ROLE]
    for row in doors:
        first, _, rest = row["body"].partition("BEGIN\n")[2].strip().partition("\n")
        assert first == "PERFORM set_config('app.user_id', p_user_id, true);", row["signature"]
        assert "set_config" not in rest
    lookups = [row["name"] for row in found if row["owner"] == LOOKUP_ROLE]
    assert lookups == ["task_exists"]


@pytest.mark.parametrize(
    "functions", [each for each in SHAPES if isinstance(each, Shape)], ids=lambda each: each.name
)
async def test_existence_is_asked_by_contracts_that_tell_it(
    catalogue: asyncpg.Connection, functions: Shape
) -> None:
    """In the others no function names the one that knows."""
    found = await found_in(catalogue, functions)

    asking = {row["name"] for row in found if "task_exists" in row["body"]}
    assert asking == ({"absence_of"} if functions.tells_strangers else set())
