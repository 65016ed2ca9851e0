"""Statements that put right what an inspection finds: shown to an administrator, never run here."""

from typing import Final

from todo_backend.database.functions import RUNTIME_ROLE, TABLES
from todo_backend.database.inspection import REVISIONS

ROLE: Final = f"ALTER ROLE {RUNTIME_ROLE} NOLOGIN NOSUPERUSER NOBYPASSRLS"
NEW_ROLE: Final = (
    f"CREATE ROLE {RUNTIME_ROLE} NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE;"
    f" GRANT USAGE ON SCHEMA {TABLES} TO {RUNTIME_ROLE}"
)

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


def row_security(table: str) -> str:
    return f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY"


def owner_policy(table: str, column: str) -> str:
    owned = f"{column} = NULLIF(current_setting('app.user_id', true), '')"
    return f"CREATE POLICY owner ON {table} USING ({owned}) WITH CHECK ({owned})"


def without_policy(table: str, policy: str) -> str:
    return f"DROP POLICY {quoted(policy)} ON {table}"


def table_rights(table: str) -> str:
    return f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {RUNTIME_ROLE}"


def membership(login: str) -> str:
    return f"GRANT {RUNTIME_ROLE} TO {quoted(login)}"


def without_functions(schema: str) -> str:
    return f"DROP SCHEMA {schema} CASCADE"


def reading_revision(login: str) -> str:
    return f"GRANT SELECT ON {REVISIONS} TO {quoted(login)}"


def quoted(name: str) -> str:
    """Write an identifier so that whatever it holds stays one."""
    doubled = name.replace('"', '""')
    return f'"{doubled}"'
