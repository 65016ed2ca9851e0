"""Bugs that would let users see each other, planted one at a time: each of them is found.

`python -m tests.isolation.planted` says by whom, and after how many operations.
"""

import re
from pathlib import Path
from typing import Final

import asyncpg
import pytest

from tests.isolation import (
    bugs_in_connections,
    bugs_in_functions,
    bugs_in_python,
    bugs_in_tables,
)
from tests.isolation.planting import Bug, hunt
from todo_backend.database.url import ConnectArgs

BUGS: Final = (
    *bugs_in_python.BUGS,
    *bugs_in_connections.BUGS,
    *bugs_in_functions.BUGS,
    *bugs_in_tables.BUGS,
)
PAGE: Final = Path(__file__).parents[3] / "docs" / "isolation.md"
# These take a moment; the others run with the slow tests.
QUICK: Final = {
    "path-check",
    "token-prefix",
    "pipelined-owner",
    "item-filter",
    "search-parentheses",
    "count-filter",
    "policy-true",
}


@pytest.mark.parametrize(
    "bug",
    [
        pytest.param(
            bug, id=f"IS-20-{bug.name}", marks=() if bug.name in QUICK else pytest.mark.slow
        )
        for bug in BUGS
    ],
)
async def test_a_planted_bug_is_found(
    stage: ConnectArgs, truth: asyncpg.Connection, bug: Bug
) -> None:
    """By a run of at most 10,000 operations, or by the test that the table names."""
    found = await hunt(bug, stage, truth)

    assert found is not None, f"nobody has noticed: {bug.what}"


def test_is_20_bugs_are_many_and_have_names_of_their_own() -> None:
    """At least twenty; a test that finds one is there under the name that is said."""
    names = [bug.name for bug in BUGS]

    assert len(set(names)) == len(names) >= 20
    assert set(names) >= QUICK


def test_is_20_the_page_lists_every_bug() -> None:
    """Its tables are what `python -m tests.isolation.planted` prints."""
    rows = re.findall(r"^\| `([a-z-]+)` \| (.*?) \|", PAGE.read_text("utf-8"), re.MULTILINE)

    said = {bug.name: bug.what.replace(r"_\w+", "_…") for bug in BUGS}
    assert dict(rows) == said
