"""Looks at a database, and at the functions' texts, that tests and planted bugs share."""

import re
from collections.abc import Iterable
from secrets import token_hex
from typing import Final

import asyncpg

from tests.database.walls import FILTER
from todo_backend.database.accounts import ACCOUNTS

_GIVEN = """
WITH owner AS (INSERT INTO users (id) VALUES ($1) RETURNING id),
    account AS (
        INSERT INTO accounts (user_id, email, email_key, name, password_hash)
        SELECT id, id, id, id, id FROM owner
    )
INSERT INTO sessions (user_id, id, expires_at) SELECT id, $2, now() + interval '1 day' FROM owner
"""


_WORDS: Final = re.compile(
    r"[();]|\b(?:WHERE|ON|AND|OR|NOT|FROM|ORDER|GROUP|LIMIT|RETURNING|FOR|INTO|UNION)\b"
)
_BEGINS: Final = {"WHERE", "ON"}
_ENDS: Final = {";", "ORDER", "GROUP", "LIMIT", "RETURNING", "FOR", "INTO", "UNION", "FROM"}


def optional_filters(text: str) -> list[str]:
    """Return the filters by user that a row may pass by: what follows one that has to hold alone.

    One has to hold that stands right behind its WHERE or ON, with nothing but AND up to the end of
    the condition, outside of parentheses of its own.
    """
    text = re.sub(r"--.*", "", text)
    return [
        text[found.start() : found.end() + 60]
        for found in FILTER.finditer(text)
        if not _is_first(text[: found.start()]) or _has_alternative(text[found.end() :])
    ]


def _is_first(before: str) -> bool:
    return before.rsplit(maxsplit=1)[-1] in _BEGINS


def _has_alternative(behind: str) -> bool:
    return "OR" in _joined_by(_WORDS.findall(behind))


def _joined_by(words: Iterable[str]) -> Iterable[str]:
    """Yield the words of one condition, without those in parentheses, up to its end."""
    depth = 0
    for word in words:
        depth += {"(": 1, ")": -1}.get(word, 0)
        if depth < 0 or (depth == 0 and word in _ENDS):
            return
        if depth == 0:
            yield word


async def a_session_is_its_users_alone(truth: asyncpg.Connection) -> None:
    """A session that is alive is so under the name of its user, and under no other."""
    alice, bob, session_id = token_hex(8), token_hex(8), token_hex(8)
    await truth.execute(_GIVEN, alice, session_id)
    ask = f"SELECT {ACCOUNTS.schema}.live_sessions($1)"

    own = await truth.fetchval(ask, f'[["{alice}", "{session_id}"]]')
    others = await truth.fetchval(ask, f'[["{bob}", "{session_id}"]]')

    assert own == f'[["{alice}", "{session_id}"]]'
    assert others == "[]", "somebody else's session is alive under another name"
