"""This backend's own accounts: sign-up, sign-in, refresh and sign-out."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from todo_backend.auth import claims, emails, refresh_tokens
from todo_backend.auth.attempts import Attempts
from todo_backend.auth.emails import Address
from todo_backend.auth.passwords import Passwords, weakness
from todo_backend.auth.refresh_tokens import TokenPair, Tokens
from todo_backend.auth.sessions import Sessions
from todo_backend.database import allowance
from todo_backend.database.accounts import AccountFunctions
from todo_backend.model.accounts import (
    NewAccount,
    NewSession,
    Presented,
    Rotation,
    StoredAccount,
)
from todo_backend.model.errors import (
    CredentialsWrong,
    EmailTaken,
    FieldError,
    Invalid,
    RefreshTokenInvalid,
    Rule,
)
from todo_backend.model.principal import Principal

__all__ = ["Account", "AccountService", "TokenPair"]

SESSION_SECONDS: Final = 30 * 24 * 60 * 60
"""A session ends then, however often it is refreshed: whoever is at the device signs in again."""
SESSIONS_MAX: Final = 100
"""So many sessions an account has at most: with one more, the oldest ends."""
GRACE_SECONDS: Final = 10
"""For so long a client may repeat a refresh whose answer it never got."""


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who has signed up here. `email` is as they typed it."""

    user_id: str
    email: str
    name: str
    created_at: datetime


class AccountService:
    """What may be done with accounts. Every method raises DatabaseUnavailable.

    `clock` is in Unix seconds, and is the one that access tokens are verified by. A `client` is the
    network that a request comes from.
    """

    __slots__ = (
        "_attempts",
        "_clock",
        "_functions",
        "_passwords",
        "_sessions",
        "_signing_up",
        "_tokens",
    )

    def __init__(  # noqa: PLR0913 - what it is made of
        self,
        functions: AccountFunctions,
        *,
        passwords: Passwords,
        sessions: Sessions,
        tokens: Tokens,
        attempts: Attempts | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._attempts = attempts or Attempts()
        self._functions = functions
        self._passwords = passwords
        self._sessions = sessions
        self._tokens = tokens
        self._clock = clock
        self._signing_up: dict[str, asyncio.Future[bool]] = {}

    async def sign_up(
        self, *, email: str, password: str, name: str, client: str = ""
    ) -> tuple[Account, TokenPair]:
        """Open an account and its first session.

        Raises: Invalid, RateLimited, EmailTaken, Overloaded.
        """
        address = _checked(email, password)
        async with self._attempts.sign_up(client=client), self._alone_with(address.key):
            return await self._signed_up(address, password, name)

    async def _signed_up(
        self, address: Address, password: str, name: str
    ) -> tuple[Account, TokenPair]:
        # Before anybody looks whether the address is taken, which so costs as much as if it isn't.
        password_hash = await self._passwords.hash(password)
        token, session = self._new_session()
        new = NewAccount(
            user_id=uuid.uuid4().hex,
            email=address.typed,
            email_key=address.key,
            name=name,
            password_hash=password_hash,
        )
        created_at = await self._functions.create(new, session)
        if created_at is None:
            raise EmailTaken
        account = Account(new.user_id, new.email, new.name, created_at)
        return account, self._pair(account, session, token)

    async def sign_in(
        self, *, email: str, password: str, client: str = ""
    ) -> tuple[Account, TokenPair]:
        """Open a session. Raises: RateLimited, CredentialsWrong, Overloaded."""
        async with self._attempts.sign_in(email, client=client):
            return await self._signed_in(email, password)

    async def _signed_in(self, email: str, password: str) -> tuple[Account, TokenPair]:
        stored = await self._found(email)
        if stored is None:
            await self._passwords.verify(password, None, user_id=None)
            raise CredentialsWrong("no such account")
        current = stored.password_hash
        if not await self._passwords.verify(password, current, user_id=stored.user_id):
            raise CredentialsWrong("wrong password", user_id=stored.user_id)
        new_hash = None
        if self._passwords.is_outdated(current):
            new_hash = await self._passwords.hash(password)
        token, session = self._new_session()
        if not await self._functions.open_session(
            stored, session, new_hash=new_hash, sessions_max=SESSIONS_MAX
        ):
            raise CredentialsWrong("the account has gone", user_id=stored.user_id)
        account = Account(stored.user_id, stored.email, stored.name, stored.created_at)
        return account, self._pair(account, session, token)

    async def refresh(self, refresh_token: str) -> TokenPair:
        """Raises: RefreshTokenInvalid."""
        if not refresh_tokens.is_formed(refresh_token):
            raise RefreshTokenInvalid("not a refresh token")
        child = self._tokens.child_of(refresh_token)
        child_hash = refresh_tokens.hash_of(child)
        turn = await self._functions.rotate(
            refresh_tokens.hash_of(refresh_token),
            child_hash,
            issued_at=self._now(),
            token_seconds=self._tokens.refresh_seconds,
            grace_seconds=GRACE_SECONDS,
        )
        match turn:
            case Rotation(
                Presented.ROTATED | Presented.REPLAYED,
                str(user_id),
                str(session_id),
                str(email),
                datetime() as issued_at,
            ):
                return self._tokens.pair(
                    child, user_id=user_id, email=email, session_id=session_id, issued_at=issued_at
                )
            case Rotation(Presented.REUSED, str(user_id), str(session_id)):
                self._sessions.end([(user_id, session_id)])
        raise RefreshTokenInvalid(
            f"refresh token {turn.outcome}",
            user_id=turn.user_id,
            is_reuse=turn.outcome is Presented.REUSED,
        )

    async def sign_out(self, principal: Principal, refresh_token: str | None) -> None:
        """End the session of the token, and that of a refresh token if it is the same user's."""
        user_id, session_id = principal.user_id, principal.session_id
        token_hash = None
        if refresh_token is not None and refresh_tokens.is_formed(refresh_token):
            token_hash = refresh_tokens.hash_of(refresh_token)
        if session_id is None and token_hash is None:
            return
        ended = await self._functions.end_sessions(user_id, session_id, token_hash)
        self._sessions.end((user_id, each) for each in ended)

    @asynccontextmanager
    async def _alone_with(self, email_key: str) -> AsyncIterator[None]:
        """Wait for whoever is signing up with this address in this process.

        Raises: EmailTaken when they did, or found it taken: that needs no second hash.
        """
        while (other := self._signing_up.get(email_key)) is not None:
            if await allowance.within(asyncio.shield(other)):
                raise EmailTaken
        done = self._signing_up[email_key] = asyncio.get_running_loop().create_future()
        is_taken = False
        try:
            yield
            is_taken = True
        except EmailTaken:
            is_taken = True
            raise
        finally:
            del self._signing_up[email_key]
            done.set_result(is_taken)

    async def _found(self, email: str) -> StoredAccount | None:
        try:
            address = emails.parse(email)
        except ValueError:
            return None
        return await self._functions.find(address.key)

    def _new_session(self) -> tuple[str, NewSession]:
        token = self._tokens.first()
        session = NewSession(
            session_id=claims.new_session_id(),
            token_hash=refresh_tokens.hash_of(token),
            issued_at=self._now(),
            token_seconds=self._tokens.refresh_seconds,
            session_seconds=SESSION_SECONDS,
        )
        return token, session

    def _pair(self, account: Account, session: NewSession, token: str) -> TokenPair:
        return self._tokens.pair(
            token,
            user_id=account.user_id,
            email=account.email,
            session_id=session.session_id,
            issued_at=session.issued_at,
        )

    def _now(self) -> datetime:
        # Whole seconds, as the claims have them.
        return datetime.fromtimestamp(int(self._clock()), UTC)


def _checked(email: str, password: str) -> Address:
    """Read the address; raises Invalid with what is wrong with either."""
    errors = []
    address = None
    try:
        address = emails.parse(email)
    except ValueError as error:
        errors.append(FieldError("email", Rule.FORMAT, str(error), email))
    if constraint := weakness(password):
        errors.append(FieldError("password", Rule.FORMAT, constraint))
    if errors or address is None:
        raise Invalid(*errors)
    return address
