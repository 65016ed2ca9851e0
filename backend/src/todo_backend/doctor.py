"""What is wrong with a deployment, in a sentence each, and how to mend it."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import asyncpg

from todo_backend.database import inspection, mending, reach
from todo_backend.database.embedded import DataFolderInUse, EmbeddedError
from todo_backend.database.functions import RUNTIME_ROLE, Shape
from todo_backend.database.inspection import Function, Role, Server, Standing, Table
from todo_backend.database.reach import Unreachable
from todo_backend.database.url import ConnectArgs
from todo_backend.model.tables import OWNED
from todo_backend.settings import Settings, SettingsError

OLDEST_VERSION: Final = 150000
CLOCK_SECONDS: Final = 5
_MIGRATE: Final = "todo-backend migrate up"


class Level(StrEnum):
    """How bad it is: a problem keeps the server from working, or the data from being safe."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found. `remedy` is what to do about it; None where there is nothing to do."""

    level: Level
    sentence: str
    remedy: str | None = None

    @property
    def line(self) -> str:
        """The finding as a terminal shows it, on one line whatever names it holds."""
        text = f"{self.level:<8} {self.sentence}"
        if self.remedy:
            text = f"{text}. To mend it: {self.remedy}"
        return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def misconfiguration(error: SettingsError) -> list[Finding]:
    """Report each problem of a configuration that can't be used; nothing else can be checked."""
    remedy = "set it in the environment or in .env, as .env.example shows"
    return [Finding(Level.PROBLEM, line, remedy) for line in error.problems]


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
    address: ConnectArgs, settings: Settings, shapes: Collection[Shape]
) -> list[Finding]:
    """Check a database from inside: each finding, the good ones included, in a fixed order."""
    timeout_seconds = settings.database_timeout_seconds
    try:
        async with reach.connected(address, timeout_seconds=timeout_seconds) as connection:
            return await examine(connection, settings, shapes)
    except Unreachable as error:
        return [Finding(Level.PROBLEM, error.obstacle.sentence, error.obstacle.remedy)]
    except (OSError, TimeoutError, asyncpg.InterfaceError, asyncpg.PostgresError) as error:
        sentence = f"the check broke off: the database refuses or is gone ({type(error).__name__})"
        return [Finding(Level.PROBLEM, sentence, "read the database's log and run this again")]


async def examine(
    connection: asyncpg.Connection, settings: Settings, shapes: Collection[Shape]
) -> list[Finding]:
    """Check what can be seen over one connection, with the rights of its user."""
    # One transaction, which a pooler gives to one server connection.
    async with connection.transaction(readonly=True):
        server = await inspection.server(connection)
        standing = await inspection.standing(connection, shapes)
        role = await inspection.role(connection, RUNTIME_ROLE)
        tables = await inspection.tables(connection, OWNED)
        functions = await inspection.functions(connection, [shape.schema for shape in shapes])
    findings = [*of_server(server, settings), *_of_migrations(standing, server, settings)]
    if standing.is_untouched:
        return findings
    findings += _or_ok(_of_roles(role, server, settings), f"the role {RUNTIME_ROLE} is in order")
    findings += _or_ok(_of_tables(tables), "row-level security binds everybody on every table")
    findings += _or_ok(_of_functions(functions, server), f"the functions run as {RUNTIME_ROLE}")
    if all(table.exists for table in tables):
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


def _of_roles(role: Role | None, server: Server, settings: Settings) -> Iterator[Finding]:
    if role is None:
        sentence = f"the role {RUNTIME_ROLE}, which owns the functions, does not exist"
        yield Finding(Level.PROBLEM, sentence, mending.NEW_ROLE)
        return
    wrong = {
        "may log in": role.can_login,
        "is a superuser, whom row-level security does not bind": role.is_superuser,
        "may bypass row-level security": role.bypasses_row_security,
    }
    for claim, is_so in wrong.items():
        if is_so:
            yield Finding(Level.PROBLEM, f"the role {RUNTIME_ROLE} {claim}", mending.ROLE)
    if settings.migrate_on_start and not server.may_become_runtime:
        yield Finding(
            Level.WARNING,
            f"the database user is no member of {RUNTIME_ROLE}, so the next release can't migrate",
            f"{mending.membership(server.login)}; or set MIGRATE_ON_START=false, and migrate apart",
        )


def _of_tables(tables: Collection[Table]) -> Iterator[Finding]:
    for table in tables:
        if not table.exists:
            remedy = "restore it from a backup: no migration makes it a second time"
            yield Finding(Level.PROBLEM, f"the table {table.name} is missing", remedy)
        else:
            yield from _of_table(table)


def _of_table(table: Table) -> Iterator[Finding]:
    name = table.name
    if not table.is_enabled:
        sentence = f"row-level security is off on {name}: only the filters of the queries remain"
        yield Finding(Level.PROBLEM, sentence, mending.row_security(name))
    elif not table.is_forced:
        sentence = f"row-level security is not forced on {name}: the table's owner sees all rows"
        yield Finding(Level.PROBLEM, sentence, mending.row_security(name))
    owners = [policy for policy in table.policies if policy.is_owners]
    for policy in table.policies:
        if policy.is_permissive and policy not in owners[:1]:
            sentence = f"the policy {policy.name} of {name} may show rows to other users"
            remedy = mending.without_policy(name, policy.name)
            yield Finding(Level.PROBLEM, sentence, remedy)
    if not owners:
        sentence = f"no policy of {name} gives users the rows that are theirs"
        yield Finding(Level.PROBLEM, sentence, mending.owner_policy(name, table.owner_column))
    if not table.is_usable:
        sentence = f"the role {RUNTIME_ROLE} may not read and change {name}"
        yield Finding(Level.PROBLEM, sentence, mending.table_rights(name))


def _of_functions(functions: Collection[Function], server: Server) -> Iterator[Finding]:
    for schema in dict.fromkeys(function.schema for function in functions):
        here = [function for function in functions if function.schema == schema]
        if any(function.owner != RUNTIME_ROLE for function in here):
            remedy = f"{mending.without_functions(schema)}, then {_MIGRATE}"
            sentence = f"functions in {schema} belong to another role than {RUNTIME_ROLE}"
            yield Finding(Level.PROBLEM, f"{sentence}, and run with its rights", remedy)
        if not all(function.may_execute for function in here if function.is_entry):
            sentence = f"the database user may not call the functions in {schema}"
            yield Finding(Level.PROBLEM, sentence, mending.membership(server.login))


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
