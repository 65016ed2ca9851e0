"""Looks at a database that tests and planted bugs share."""

from secrets import token_hex

import asyncpg

from todo_backend.database.accounts import ACCOUNTS

_GIVEN = """
WITH owner AS (INSERT INTO users (id) VALUES ($1) RETURNING id),
    account AS (
        INSERT INTO accounts (user_id, email, email_key, name, password_hash)
        SELECT id, id, id, id, id FROM owner
    )
INSERT INTO sessions (user_id, id, expires_at) SELECT id, $2, now() + interval '1 day' FROM owner
"""


async def a_session_is_its_users_alone(truth: asyncpg.Connection) -> None:
    """A session that is alive is so under the name of its user, and under no other."""
    alice, bob, session_id = token_hex(8), token_hex(8), token_hex(8)
    await truth.execute(_GIVEN, alice, session_id)
    ask = f"SELECT {ACCOUNTS.schema}.live_sessions($1)"

    own = await truth.fetchval(ask, f'[["{alice}", "{session_id}"]]')
    others = await truth.fetchval(ask, f'[["{bob}", "{session_id}"]]')

    assert own == f'[["{alice}", "{session_id}"]]'
    assert others == "[]", "somebody else's session is alive under another name"
