"""Looks at a deployment: its configuration, and its database from inside."""

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Final

import asyncpg

from todo_backend.database import inspection, mending, reach
from todo_backend.database.embedded import DataFolderInUse, EmbeddedError
from todo_backend.database.functions import FunctionSet
from todo_backend.database.inspection import Server, Standing
from todo_backend.database.reach import Unreachable
from todo_backend.database.url import ConnectArgs
from todo_backend.database.walls import ROLES, WALLS
from todo_backend.doctor import walls
from todo_backend.doctor.finding import Finding, Level
from todo_backend.settings import Settings, SettingsError

OLDEST_VERSION: Final = 150000
CLOCK_SECONDS: Final = 5
_MIGRATE: Final = "todo-backend migrate up"


def misconfiguration(error: SettingsError) -> list[Finding]:
    """Report each problem of a configuration that can't be used; nothing else can be checked."""
    remedy = "set it in the environment or in .env, as .env.example shows"
    return [Finding(Level.PROBLEM, line, remedy) for line in error.problems]


def sources(env_file: Path = Path(".env")) -> Finding:
    """Say where the settings were read: a server may have been started with others."""
    where = env_file.absolute()
    file = f", then from {where}" if where.is_file() else f" alone: there is no {where}"
    return Finding(
        Level.OK,
        f"the settings are read from this command's environment{file}. A server that was started "
        "with variables before its command has others",
    )


def settings(found: Settings) -> list[Finding]:
    """Report what is odd about a configuration that can be used."""
    contracts = ", ".join(found.api_contracts)
    sentence = f"the configuration is complete ({found.environment}, contracts {contracts})"
    return [
        Finding(Level.OK, sentence),
        *(Finding(Level.WARNING, warning) for warning in found.warnings),
    ]


def embedded(error: EmbeddedError) -> Finding:
    """Report why the embedded PostgreSQL can't be started for the check."""
    if isinstance(error, DataFolderInUse):
        return Finding(
            Level.WARNING,
            "the database is not checked: a server that runs on this data folder has it",
            "stop that server and run `todo-backend doctor` again",
        )
    return Finding(Level.PROBLEM, str(error).rstrip("."))


async def database(
    address: ConnectArgs, settings: Settings, function_sets: Collection[FunctionSet]
) -> list[Finding]:
    """Check a database from inside: each finding, the good ones included, in a fixed order."""
    timeout_seconds = settings.database_timeout_seconds
    try:
        async with reach.connected(address, timeout_seconds=timeout_seconds) as connection:
            return await examine(connection, settings, function_sets)
    except Unreachable as error:
        return [Finding(Level.PROBLEM, error.obstacle.sentence, error.obstacle.remedy)]
    except (OSError, TimeoutError, asyncpg.InterfaceError, asyncpg.PostgresError) as error:
        sentence = f"the check broke off: the database refuses or is gone ({type(error).__name__})"
        return [Finding(Level.PROBLEM, sentence, "read the database's log and run this again")]


async def examine(
    connection: asyncpg.Connection, settings: Settings, function_sets: Collection[FunctionSet]
) -> list[Finding]:
    """Check what can be seen over one connection, with the rights of its user."""
    # One transaction, which a pooler gives to one server connection.
    async with connection.transaction(readonly=True):
        server = await inspection.server(connection)
        standing = await inspection.standing(connection, function_sets)
        roles = await inspection.roles(connection)
        tables = await inspection.tables(connection, WALLS)
        functions = [
            (each, await inspection.functions(connection, each.schema)) for each in function_sets
        ]
    findings = [*of_server(server, settings), *_of_migrations(standing, server, settings)]
    if standing.is_untouched:
        return findings
    of_roles = walls.of_roles(roles, server, standing, migrates=settings.migrate_on_start)
    findings += _or_ok(of_roles, f"the roles {', '.join(ROLES)} are in order")
    if not (standing.is_behind or standing.is_ahead):  # then the tables are another release's
        sentence = "row-level security binds everybody on every table"
        findings += _or_ok(walls.of_tables(tables), sentence)
    of_functions = walls.of_functions(functions, server.login)
    findings += _or_ok(of_functions, "the functions run as the roles made for them")
    if tables.keys() >= inspection.COUNTED:
        findings.append(_of_counters(await inspection.wrong_counters(connection)))
    return findings


def _or_ok(found: Iterator[Finding], sentence: str) -> list[Finding]:
    return list(found) or [Finding(Level.OK, sentence)]


def of_server(server: Server, settings: Settings) -> Iterator[Finding]:
    """Judge the server, the time that it keeps, and the room that it has for us."""
    yield Finding(Level.OK, f"the database answers (PostgreSQL {server.version_name})")
    if server.version < OLDEST_VERSION:
        sentence = f"PostgreSQL {server.version_name} is too old"
        yield Finding(Level.PROBLEM, sentence, f"upgrade it to {OLDEST_VERSION // 10000} or newer")
    if server.is_standby:
        remedy = "name the primary in DATABASE_URL, or all hosts with target_session_attrs=primary"
        yield Finding(Level.PROBLEM, "the database is a standby, which takes no changes", remedy)
    elif server.is_read_only:
        sentence = "the database takes no changes: default_transaction_read_only is on"
        yield Finding(Level.PROBLEM, sentence, "turn it off for this user, database or server")
    seconds = abs(server.clock_ahead_seconds)
    if seconds > CLOCK_SECONDS:
        which = "ahead of" if server.clock_ahead_seconds > 0 else "behind"
        sentence = f"the database's clock is {seconds:.0f} s {which} this machine's"
        yield Finding(Level.WARNING, sentence, "let a time service (NTP) set both clocks")
    wanted = (settings.db_pool_size + settings.db_max_overflow) * settings.workers
    if wanted > server.connections:
        yield Finding(
            Level.WARNING,
            f"this deployment can open {wanted} connections to its database, and may have "
            f"{server.connections} at most",
            "lower DB_POOL_SIZE, DB_MAX_OVERFLOW or WORKERS, or raise the limit (max_connections)",
        )


def _of_migrations(standing: Standing, server: Server, settings: Settings) -> Iterator[Finding]:
    if standing.is_untouched and settings.migrate_on_start:
        sentence = "the database is empty; the first start of the server migrates it"
        yield Finding(Level.WARNING, sentence, f"{_MIGRATE}, or start the server")
    elif standing.is_untouched:
        yield Finding(Level.PROBLEM, "the database has not been migrated", _MIGRATE)
    elif standing.is_ahead:
        sentence = f"a newer release has migrated the database (revision {standing.revision})"
        yield Finding(Level.WARNING, sentence, "run that release; this one is to be retired")
    elif not standing.is_readable:
        remedy = mending.reading_revision(server.login)
        sentence = "the database user may not read which migrations have run"
        yield Finding(Level.WARNING, sentence, remedy)
    elif standing.revision != standing.known[-1]:
        sentence = (
            f"the database is at revision {standing.revision or 'none'}, and this release needs "
            f"{standing.known[-1]}"
        )
        yield Finding(Level.PROBLEM, sentence, _MIGRATE)
    if standing.is_untouched:
        return
    for schema in standing.missing:
        yield Finding(Level.PROBLEM, f"the functions {schema} are missing", _MIGRATE)
    if standing.is_current and standing.is_readable:
        sentence = f"every migration has run (revision {standing.revision})"
        yield Finding(Level.OK, sentence)


def _of_counters(wrong: int | None) -> Finding:
    if wrong is None:
        sentence = "the counters are not checked: needs a role that may bypass row-level security"
        remedy = "run this once with such a user in DATABASE_URL"
        return Finding(Level.WARNING, sentence, remedy)
    if wrong:
        whose = "one user" if wrong == 1 else f"{wrong} users"
        sentence = f"the counters of {whose} differ from the tasks that there are"
        return Finding(Level.PROBLEM, sentence, mending.COUNTERS)
    return Finding(Level.OK, "the counters agree with the tasks")
