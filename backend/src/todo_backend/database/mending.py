"""Statements that put right what an inspection finds: shown to an administrator, never run here."""

from collections.abc import Collection
from typing import Final

from todo_backend.database.functions import TABLES
from todo_backend.database.inspection import REVISIONS
from todo_backend.database.walls import PUBLIC, Policy

# The lock keeps a change from falling between the count and the row that it is written to.
COUNTERS: Final = (
    "BEGIN; LOCK TABLE tasks IN SHARE MODE;"
    " INSERT INTO task_counters AS c (user_id, total, completed, version)"
    " SELECT u.id, count(t.id), count(t.id) FILTER (WHERE t.completed),"
    " (extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
    " FROM users u LEFT JOIN tasks t ON t.user_id = u.id GROUP BY u.id"
    " ON CONFLICT (user_id) DO UPDATE SET total = excluded.total, completed = excluded.completed,"
    " version = greatest(c.version + 1, excluded.version); COMMIT"
)


def new_role(role: str) -> str:
    return (
        f"CREATE ROLE {role} NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE;"
        f" GRANT USAGE ON SCHEMA {TABLES} TO {role}"
    )


def powerless(role: str) -> str:
    return f"ALTER ROLE {role} NOLOGIN NOSUPERUSER NOBYPASSRLS"


def membership(roles: Collection[str], login: str) -> str:
    return f"GRANT {', '.join(roles)} TO {quoted(login)}"


def without_membership(group: str, role: str) -> str:
    return f"REVOKE {quoted(group)} FROM {role}"


def row_security(table: str) -> str:
    return f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY"


def policy(table: str, wanted: Policy) -> str:
    whom = "" if wanted.role == PUBLIC else f" TO {wanted.role}"
    shown = "" if wanted.command == "INSERT" else f" USING ({wanted.rows})"
    taken = "" if wanted.command == "SELECT" else f" WITH CHECK ({wanted.rows})"
    return f"CREATE POLICY {wanted.name} ON {table} FOR {wanted.command}{whom}{shown}{taken}"


def without_policy(table: str, name: str) -> str:
    return f"DROP POLICY {quoted(name)} ON {table}"


def rights(table: str, role: str, wanted: Collection[str]) -> str:
    return f"GRANT {', '.join(sorted(wanted))} ON {table} TO {role}"


def rights_alone(table: str, role: str, wanted: Collection[str]) -> str:
    """Give a role these rights on a table, and take the others from it."""
    # A right to a column goes with the one to the table, so all of them are given anew.
    taken = f"REVOKE ALL ON {table} FROM {role}"
    return f"{taken}; {rights(table, role, wanted)}" if wanted else taken


def without_functions(schema: str) -> str:
    return f"DROP SCHEMA {schema} CASCADE"


def callers(signatures: Collection[str], role: str) -> str:
    return f"GRANT EXECUTE ON FUNCTION {', '.join(signatures)} TO {role}"


def without_callers(signatures: Collection[str], role: str) -> str:
    whom = role if role == PUBLIC else quoted(role)
    return f"REVOKE EXECUTE ON FUNCTION {', '.join(signatures)} FROM {whom}"


def reading_revision(login: str) -> str:
    return f"GRANT SELECT ON {REVISIONS} TO {quoted(login)}"


def quoted(name: str) -> str:
    """Write an identifier so that whatever it holds stays one."""
    doubled = name.replace('"', '""')
    return f'"{doubled}"'
