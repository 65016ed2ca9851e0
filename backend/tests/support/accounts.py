"""What one process has of accounts, over a real database and with hashes that cost little."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from secrets import token_hex

from argon2 import PasswordHasher

from tests.support.server import SECRET
from todo_backend.auth.accounts import AccountService, TokenPair
from todo_backend.auth.claims import ClaimRules
from todo_backend.auth.passwords import Passwords
from todo_backend.auth.refresh_tokens import Tokens
from todo_backend.auth.sessions import Sessions
from todo_backend.auth.shared_secret import SharedSecret
from todo_backend.database.accounts import AccountFunctions
from todo_backend.database.database import Database
from todo_backend.model.principal import Principal

KEY = SharedSecret(SECRET, rules=ClaimRules())
PASSWORD = "correct horse battery staple"
DAY_SECONDS = 24 * 60 * 60
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@dataclass(frozen=True, slots=True)
class Process:
    """What `create_app` puts together for each process."""

    service: AccountService
    sessions: Sessions
    functions: AccountFunctions

    async def sign_up(self, email: str | None = None, password: str = PASSWORD) -> TokenPair:
        _, pair = await self.service.sign_up(
            email=email or fresh_address(), password=password, name="Ann"
        )
        return pair

    async def authenticate(self, pair: TokenPair) -> Principal:
        """Do what the application does with an access token, but for the header around it."""
        principal = principal_of(pair)
        assert principal.session_id is not None
        await self.sessions.require_alive((principal.user_id, principal.session_id))
        return principal


def process_over(
    database: Database,
    *,
    secret: str = SECRET,
    hasher: PasswordHasher = CHEAP,
    clock: Callable[[], float] = time.time,
) -> Process:
    key = SharedSecret(secret, rules=ClaimRules())
    functions = database.accounts()
    sessions = Sessions(functions)
    service = AccountService(
        functions,
        passwords=Passwords(hasher=hasher),
        sessions=sessions,
        tokens=Tokens(key, secret=secret, access_seconds=900, refresh_seconds=7 * DAY_SECONDS),
        clock=clock,
    )
    return Process(service, sessions, functions)


def fresh_address(name: str = "ann") -> str:
    """Return an address that nobody has signed up with."""
    return f"{name}-{token_hex(6)}@example.test"


def principal_of(pair: TokenPair) -> Principal:
    return KEY.verify(pair.access_token, now=time.time()).principal
