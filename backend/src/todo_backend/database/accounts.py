"""Calls of the account functions (sql/accounts.sql): the only way to accounts and sessions."""

import json
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Final

from todo_backend.database.functions import FunctionSet, read
from todo_backend.database.pool import Pool
from todo_backend.database.upkeep import drop_by_batches
from todo_backend.model.accounts import (
    NewAccount,
    NewSession,
    Presented,
    Rotation,
    StoredAccount,
)

AUTH_ROLE: Final = "todo_auth"
SessionKey = tuple[str, str]
"""A user's id and a session's."""


class _AccountFunctions(FunctionSet):
    def texts(self) -> Mapping[str, str]:
        return {AUTH_ROLE: read("accounts.sql")}


ACCOUNTS: Final = _AccountFunctions("auth")
# The name is of our own making: hexadecimal digits.
_SCHEMA: Final = ACCOUNTS.schema
_CREATE: Final = f"SELECT {_SCHEMA}.create_account($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
_FIND: Final = f"SELECT * FROM {_SCHEMA}.find_account($1)"  # noqa: S608 - as above
_OPEN: Final = f"SELECT {_SCHEMA}.open_session($1, $2, $3, $4, $5, $6, $7, $8, $9)"
_ROTATE: Final = f"SELECT * FROM {_SCHEMA}.rotate($1, $2, $3, $4, $5)"  # noqa: S608 - as above
_END: Final = f"SELECT {_SCHEMA}.end_sessions($1, $2, $3)"
_LIVE: Final = f"SELECT {_SCHEMA}.live_sessions($1)"
_PRUNE: Final = f"SELECT {_SCHEMA}.prune_sessions($1)"
BATCH_SESSIONS: Final = 100
"""How many sessions are dropped in one transaction, each with thousands of tokens at the most."""


class AccountFunctions:
    """The account functions. Every method raises DatabaseUnavailable."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def create(self, account: NewAccount, session: NewSession) -> datetime | None:
        """Open an account and its first session; None when the address has an account."""
        (created_at,) = await self._pool.write(
            _CREATE,
            account.user_id,
            account.email,
            account.email_key,
            account.name,
            account.password_hash,
            *_arguments(session),
        )
        created: datetime | None = created_at
        return created

    async def find(self, email_key: str) -> StoredAccount | None:
        user_id, *rest = await self._pool.read(_FIND, email_key)
        return None if user_id is None else StoredAccount(user_id, *rest)

    async def open_session(
        self,
        account: StoredAccount,
        session: NewSession,
        *,
        new_hash: str | None,
        sessions_max: int,
    ) -> bool:
        """Open a session, unless the account has gone; `new_hash` replaces the one in `account`.

        The user's oldest sessions end, so that there are at most `sessions_max`.
        """
        (opened,) = await self._pool.write(
            _OPEN,
            account.user_id,
            account.password_hash,
            new_hash,
            *_arguments(session),
            sessions_max,
        )
        return bool(opened)

    async def rotate(
        self,
        token_hash: bytes,
        child_hash: bytes,
        *,
        issued_at: datetime,
        token_seconds: int,
        grace_seconds: int,
    ) -> Rotation:
        """Spend a refresh token for its child, or revoke its session where it was spent before."""
        outcome, user_id, email, session_id, issued = await self._pool.write(
            _ROTATE, token_hash, child_hash, issued_at, token_seconds, grace_seconds
        )
        return Rotation(Presented(outcome), user_id, session_id, email, issued)

    async def end_sessions(
        self, user_id: str, session_id: str | None, token_hash: bytes | None
    ) -> list[str]:
        """Revoke a session, and that of a refresh token if it is the same user's.

        Shape: the ids of those that had not been revoked before.
        """
        (ended,) = await self._pool.write(_END, user_id, session_id, token_hash)
        return (ended or "").split()

    async def live_sessions(self, keys: Collection[SessionKey]) -> set[SessionKey]:
        """Say which of the sessions have neither ended nor expired, and are their users'."""
        (alive,) = await self._pool.read(_LIVE, json.dumps(list(keys)))
        return {(user_id, session_id) for user_id, session_id in json.loads(alive)}

    async def prune_sessions(self) -> int:
        """Drop every user's sessions that have expired, and return how many there were.

        One transaction for each BATCH_SESSIONS of them, so that no request waits long.
        Raises: DatabaseUnavailable; what has been dropped until then stays so.
        """
        return await drop_by_batches(self._pool, _PRUNE, BATCH_SESSIONS)


def _arguments(session: NewSession) -> tuple[object, ...]:
    return (
        session.session_id,
        session.token_hash,
        session.issued_at,
        session.token_seconds,
        session.session_seconds,
    )
