"""What keeps users apart, as the migrations build it (docs/adr/0009-roles.md).

The migrations are the source; this is what an inspection holds a database against. All texts are
spelled as PostgreSQL's catalogue spells them.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from todo_backend.database.accounts import AUTH_ROLE
from todo_backend.database.functions import LOOKUP_ROLE, RUNTIME_ROLE, FunctionSet

PUBLIC: Final = "public"
ROLES: Final = (RUNTIME_ROLE, LOOKUP_ROLE, AUTH_ROLE)
"""The roles that own functions. None of them is a member of any role, and nobody logs in as one."""


@dataclass(frozen=True, slots=True)
class Policy:
    """A permissive policy: to `role`, `command` shows and takes the rows that are `rows`."""

    name: str
    command: str
    role: str
    rows: str


@dataclass(frozen=True, slots=True)
class Wall:
    """What a table lets through: `policies` in all, and what each role may do by right.

    A right is a word of GRANT, with a column in brackets where it is that column's: `SELECT (id)`.
    """

    policies: tuple[Policy, ...]
    rights: Mapping[str, frozenset[str]] = field(default_factory=dict)


def _owner(column: str) -> Policy:
    rows = f"({column} = NULLIF(current_setting('app.user_id'::text, true), ''::text))"
    return Policy("owner", "ALL", PUBLIC, rows)


def _only(role: str) -> str:
    # A policy for a role binds its members too, and a login role is one.
    return f"(CURRENT_USER = '{role}'::name)"


def _rights(words: str) -> frozenset[str]:
    return frozenset(words.split(", "))


_CHANGE: Final = _rights("SELECT, INSERT, UPDATE, DELETE")
_LOOKUP: Final = Policy("lookup", "SELECT", LOOKUP_ROLE, _only(LOOKUP_ROLE))
_SIGN_UP: Final = Policy("auth", "INSERT", AUTH_ROLE, _only(AUTH_ROLE))
_AUTH: Final = Policy("auth", "ALL", AUTH_ROLE, _only(AUTH_ROLE))

WALLS: Final[Mapping[str, Wall]] = {
    "users": Wall((_owner("id"), _SIGN_UP), {RUNTIME_ROLE: _CHANGE, AUTH_ROLE: _rights("INSERT")}),
    "tasks": Wall(
        (_owner("user_id"), _LOOKUP),
        {RUNTIME_ROLE: _CHANGE, LOOKUP_ROLE: _rights("SELECT (id)")},
    ),
    "task_counters": Wall((_owner("user_id"),), {RUNTIME_ROLE: _CHANGE}),
    "idempotency_keys": Wall(
        (_owner("user_id"), _LOOKUP),
        {
            RUNTIME_ROLE: _CHANGE,
            LOOKUP_ROLE: _rights("SELECT (user_id), SELECT (expires_at)"),
        },
    ),
    "accounts": Wall(
        (_owner("user_id"), _AUTH),
        {AUTH_ROLE: _rights("SELECT, INSERT, UPDATE (password_hash), UPDATE (updated_at)")},
    ),
    "sessions": Wall(
        (_owner("user_id"), _AUTH),
        {AUTH_ROLE: _rights("SELECT, INSERT, UPDATE (revoked_at), DELETE")},
    ),
    "refresh_tokens": Wall(
        (_owner("user_id"), _AUTH),
        {AUTH_ROLE: _rights("SELECT, INSERT, UPDATE (spent_at), UPDATE (child_hash)")},
    ),
}


def owners_of(functions: FunctionSet) -> Mapping[str, str]:
    """Return the name of each function of a set, and the role that it is to run as."""
    return {
        name: role
        for role, text in functions.texts().items()
        for name in re.findall(r"^CREATE FUNCTION (\w+)\(", text, re.MULTILINE)
    }


def entry_role(functions: FunctionSet) -> str:
    """Return the role whose functions the login role calls; it alone calls those of the others."""
    return list(functions.texts())[-1]
