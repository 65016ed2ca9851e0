"""How a bug is planted, and who has to find it."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final

import asyncpg
import pytest

from tests.database.walls import CONTRACTS_SHAPES
from tests.isolation import stage
from tests.isolation.rewriting import (
    Rewrite,
    replace_functions,
    take_filters_down,
    take_policies_down,
)
from tests.isolation.run import Plan, run
from todo_backend.database.accounts import ACCOUNTS, AUTH_ROLE
from todo_backend.database.functions import RUNTIME_ROLE, FunctionSet
from todo_backend.database.url import ConnectArgs
from todo_backend.model.errors import TodoError

OPERATIONS: Final = 10_000
USERS: Final = 40
ENVELOPE: Final = ("envelope,accounts",)
PLAIN: Final = ("plain,accounts",)
RICH: Final = ("rich,accounts",)


@dataclass(frozen=True, slots=True)
class Ground:
    """What a bug is planted in: this process, and the database of a run."""

    patch: pytest.MonkeyPatch
    truth: asyncpg.Connection


Plant = Callable[[Ground], Awaitable[None]]
Look = Callable[[ConnectArgs, asyncpg.Connection], Awaitable[None]]
"""A test of the suite, called with the database that the bug is in."""
# What a test says no by.
_NO: Final = (AssertionError, pytest.fail.Exception, TodoError)


@dataclass(frozen=True, slots=True)
class Bug:
    """One planted bug. Found by a run, or by a test that `look` calls, whose name is `found_by`.

    `without`: the wall that hides it, and has to be taken down for a run to see it.
    """

    name: str
    what: str
    plant: Plant
    deployments: tuple[str, ...] = ENVELOPE
    without: str | None = None
    accounts: int = 8
    found_by: str = "a run"
    look: Look | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """By whom a bug was found, and after how many operations where it was a run."""

    by: str
    operations: int | None
    what: str


async def hunt(bug: Bug, args: ConnectArgs, truth: asyncpg.Connection) -> Found | None:
    """Plant a bug and look for it; None when nobody has found it."""
    with pytest.MonkeyPatch.context() as patch:
        if bug.without == "policies":
            await take_policies_down(truth)
        if bug.without == "filters":
            await take_filters_down(truth)
        await bug.plant(Ground(patch, truth))
        if bug.look is not None:
            return await _looked(bug, args, truth)
        plan = Plan(OPERATIONS, users=USERS, accounts=bug.accounts, stops_at_first=True)
        async with stage.in_process(args, deployments=bug.deployments) as places:
            report = await run(plan, places, truth)
    if not report.findings:
        return None
    first = report.findings[0]
    return Found(bug.found_by, first.operation, first.what)


async def _looked(bug: Bug, args: ConnectArgs, truth: asyncpg.Connection) -> Found | None:
    assert bug.look is not None
    try:
        await bug.look(args, truth)
    except _NO as error:
        return Found(bug.found_by, None, str(error).partition("\n")[0])
    return None


# Bugs in functions ----------------------------------------------------------------------


def within(function: str, *pairs: tuple[str, str]) -> Rewrite:
    """Replace texts in the functions whose name is like `function`; each has to be there."""
    start = re.compile(rf"CREATE FUNCTION {function}\(.*?\n\$\$;", re.DOTALL)

    def rewrite(text: str) -> str:
        found = start.findall(text)
        assert found, f"no function is called {function}"
        for old, _ in pairs:
            assert any(old in each for each in found), f"not in {function}: {old}"

        def replaced(match: re.Match[str]) -> str:
            body = match[0]
            for old, new in pairs:
                body = body.replace(old, new)
            return body

        return start.sub(replaced, text)

    return rewrite


def in_sql(
    *rewrites: Rewrite,
    role: str = RUNTIME_ROLE,
    sets: tuple[FunctionSet, ...] = tuple(CONTRACTS_SHAPES),
) -> Plant:
    def rewrite(text: str) -> str:
        for each in rewrites:
            text = each(text)
        return text

    async def plant(ground: Ground) -> None:
        await replace_functions(ground.truth, sets, {role: rewrite})

    return plant


def in_account_sql(*rewrites: Rewrite) -> Plant:
    return in_sql(*rewrites, role=AUTH_ROLE, sets=(ACCOUNTS,))


def statement(text: str) -> Plant:
    """Change the tables' rules."""

    async def plant(ground: Ground) -> None:
        await ground.truth.execute(text)

    return plant


# Bugs in this process -------------------------------------------------------------------


@dataclass(slots=True)
class Memory:
    """What a bug keeps from a request to the next."""

    user_id: str | None = None
    answers: dict[object, Any] = field(default_factory=dict)


def patched(change: Callable[[pytest.MonkeyPatch], None]) -> Plant:
    async def plant(ground: Ground) -> None:
        change(ground.patch)

    return plant
