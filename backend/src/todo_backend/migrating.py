"""Migrations, and in a sentence why one fails. Importing this takes Alembic's third of a second."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager

import asyncpg
from alembic.util import CommandError

from todo_backend.database import migrate
from todo_backend.database.functions import FunctionSet
from todo_backend.database.migrate import Report
from todo_backend.database.reach import DatabaseUnfit, Unreachable, obstacle_of
from todo_backend.database.url import ConnectArgs
from todo_backend.database.walls import ROLES, WALLS
from todo_backend.model.errors import DatabaseUnavailable


async def up(
    args: ConnectArgs, function_sets: Collection[FunctionSet], *, wait_seconds: float = 0
) -> Report:
    """Bring all to this release. Raises: DatabaseUnfit, DatabaseUnavailable."""
    with _explained():
        return await migrate.up(args, function_sets, wait_seconds=wait_seconds)


async def down(args: ConnectArgs, *, revision: str, wait_seconds: float = 0) -> None:
    """Take the tables back. Raises: DatabaseUnfit, DatabaseUnavailable."""
    with _explained():
        await migrate.down(args, revision=revision, wait_seconds=wait_seconds)


async def status(
    args: ConnectArgs, function_sets: Collection[FunctionSet], *, wait_seconds: float = 0
) -> Report:
    """Tell where the database stands. Raises: DatabaseUnfit, DatabaseUnavailable."""
    with _explained():
        return await migrate.status(args, function_sets, wait_seconds=wait_seconds)


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except asyncpg.PostgresError as error:
        raise DatabaseUnfit(_sentence(error)) from error
    except CommandError:
        # Its own text can hold a path of this machine.
        raise DatabaseUnfit(
            "this release knows no such revision, or not on the way from where the database is: "
            "`todo-backend migrate status` tells where that is"
        ) from None
    except DatabaseUnavailable as error:
        if error.__cause__ is None:
            raise
        raise Unreachable(obstacle_of(error.__cause__)) from error


def _sentence(error: asyncpg.PostgresError) -> str:
    if isinstance(error, asyncpg.InsufficientPrivilegeError):
        return (
            "the database user may not change the schema, or not make the roles "
            f"{', '.join(ROLES)}: let an administrator make them (docs/operations.md), or run "
            "`todo-backend migrate up` once as a user who may, and set MIGRATE_ON_START=false"
        )
    if isinstance(error, asyncpg.DuplicateTableError):
        return (
            "a table of somebody else has a name that this backend needs "
            f"({', '.join(WALLS)}): name a database of its own in DATABASE_URL"
        )
    return f"the migration fails ({type(error).__name__}): `todo-backend doctor` may know why"
