"""What can be read off the code and off a database, without a request."""

import ast
from pathlib import Path
from typing import Final

import asyncpg
import pytest

import todo_backend
from tests.database.databases import SHAPES
from tests.database.walls import CONTRACTS_SHAPES, FILTER
from tests.isolation import lints
from todo_backend.database.functions import RUNTIME_ROLE, FunctionSet, Shape

DATABASE: Final = Path(todo_backend.__file__).parent / "database"
# Whoever runs a statement in a request; its first argument is the statement.
RUNS: Final = {"read", "write", "write_once", "fetch", "fetchrow", "fetchval", "execute"}
CALLERS: Final = ("tasks", "search", "accounts", "better_auth", "upkeep", "database")


async def test_is_32_a_session_is_its_users_alone(truth: asyncpg.Connection) -> None:
    """A session's id under another user's name opens nothing."""
    await lints.a_session_is_its_users_alone(truth)


@pytest.mark.parametrize("functions", SHAPES, ids=lambda each: f"IS-11-{each.name}")
async def test_no_function_makes_a_statement(
    truth: asyncpg.Connection, functions: FunctionSet
) -> None:
    """A value is a parameter in each of them: there is no EXECUTE, and no text becomes SQL."""
    bodies = await truth.fetch(
        "SELECT prosrc FROM pg_proc WHERE pronamespace = to_regnamespace($1)", functions.schema
    )

    assert bodies
    assert not [body for (body,) in bodies if "execute" in body.lower() or "format(" in body]


@pytest.mark.parametrize("shape", CONTRACTS_SHAPES, ids=lambda each: f"IS-18-{each.name}")
def test_no_row_gets_past_a_filter(shape: Shape) -> None:
    """The owner is a condition of each statement as a whole: no OR stands beside it."""
    text = shape.scripts()[RUNTIME_ROLE]

    assert FILTER.search(text)
    assert lints.optional_filters(text) == []


@pytest.mark.parametrize(
    ("condition", "is_optional"),
    [
        ("t.user_id = p_user_id AND t.id = p_id", False),
        ("t.user_id = p_user_id AND (a OR b)", False),
        ("t.user_id = p_user_id AND a OR b", True),
        ("t.user_id = p_user_id AND (a) AND NOT p_overdue OR (b)", True),
        ("a OR t.user_id = p_user_id", True),
        ("(t.user_id = p_user_id OR a)", True),
        ("(t.user_id = p_user_id AND a) OR b", True),
        ("NOT t.user_id = p_user_id", True),
    ],
)
def test_is_20_a_filter_that_a_row_gets_past_is_seen(condition: str, *, is_optional: bool) -> None:
    """Also where the text of the filter itself stands as it should."""
    text = f"SELECT (SELECT FROM tasks t WHERE {condition} ORDER BY a OR b) OR true;"  # noqa: S608 - never run

    assert bool(lints.optional_filters(text)) == is_optional


@pytest.mark.parametrize("name", CALLERS, ids=lambda name: f"IS-11-{name}")
def test_no_call_makes_a_statement(name: str) -> None:
    """What is run by a request was written when the process started: a name, and no expression."""
    tree = ast.parse((DATABASE / f"{name}.py").read_text(encoding="utf-8"))
    calls = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in RUNS
        and node.args
    ]

    made = [call.lineno for call in calls if not _is_written(call.args[0])]

    assert made == []


def _is_written(statement: ast.expr) -> bool:
    return isinstance(statement, ast.Name | ast.Attribute | ast.Constant)


async def test_is_07_no_policy_has_a_way_around(truth: asyncpg.Connection) -> None:
    """None says OR, none lets a missing setting through, and none restricts what another allows."""
    policies = await truth.fetch(
        "SELECT tablename, coalesce(qual, '') || ' ' || coalesce(with_check, '') AS said"
        " FROM pg_policies"
    )

    said = {(table, text) for table, text in policies}
    assert said
    assert not [each for each in said if " OR " in each[1] or "IS NULL" in each[1]]
    assert not [each for each in said if each[1].strip() in {"true", "true true"}]
