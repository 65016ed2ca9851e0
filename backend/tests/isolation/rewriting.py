"""The database of a run with something taken out of it: a wall, or a condition of a function."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import asyncpg

from tests.database.databases import SHAPES
from tests.database.walls import CONTRACTS_SHAPES, bare, without_policies
from todo_backend.database import functions
from todo_backend.database.accounts import ACCOUNTS
from todo_backend.database.functions import RUNTIME_ROLE, FunctionSet

Rewrite = Callable[[str], str]


@dataclass(frozen=True)
class Rewritten(FunctionSet):
    """Functions whose text is not that of their name: who calls them doesn't notice."""

    original: FunctionSet = field(default=ACCOUNTS)
    roles: Mapping[str, Rewrite] = field(default_factory=dict)

    def texts(self) -> Mapping[str, str]:
        return self.original.texts()

    def scripts(self) -> Mapping[str, str]:
        scripts = self.original.scripts()
        return {
            role: self.roles[role](text) if role in self.roles else text
            for role, text in scripts.items()
        }


async def replace_functions(
    truth: asyncpg.Connection, sets: Sequence[FunctionSet], roles: Mapping[str, Rewrite]
) -> None:
    """Put rewritten functions into the schemas of these sets."""
    for each in sets:
        rewritten = Rewritten(each.name, each, roles)
        assert rewritten.schema == each.schema
        async with truth.transaction():
            await truth.execute(f"DROP SCHEMA {each.schema} CASCADE")
            assert await functions.install(truth, rewritten)


def substituted(*pairs: tuple[str, str], times: int | None = None) -> Rewrite:
    """Replace texts by others; each must be there, and `times` times if that is said."""

    def rewrite(text: str) -> str:
        for old, new in pairs:
            found = text.count(old)
            assert found, f"not in the functions: {old}"
            assert times in {None, found}, f"{found} times in the functions: {old}"
            text = text.replace(old, new)
        return text

    return rewrite


async def take_filters_down(truth: asyncpg.Connection) -> None:
    """Leave the policies alone to keep users apart."""
    await replace_functions(truth, CONTRACTS_SHAPES, {RUNTIME_ROLE: bare})


async def take_policies_down(truth: asyncpg.Connection) -> None:
    """Leave the functions' filters alone to keep users apart."""
    await without_policies(truth, [])


ABLATIONS: Final = {"filters": take_filters_down, "policies": take_policies_down}
"""By the wall that is taken down."""
SETS: Final = SHAPES
