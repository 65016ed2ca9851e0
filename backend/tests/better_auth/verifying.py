"""What of this backend judges the credentials of a Better Auth application, put together."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from tests.better_auth.application import SECRET
from tests.database.databases import connector, pooled
from todo_backend.auth import jws, session_tokens
from todo_backend.auth.claims import ClaimRules
from todo_backend.auth.secret_ring import SecretRing, Secrets
from todo_backend.auth.session_rows import SessionRows
from todo_backend.auth.session_tokens import SessionTokens
from todo_backend.database.better_auth import BetterAuthTables
from todo_backend.database.url import ConnectArgs
from todo_backend.model.errors import DatabaseUnavailable, Unauthenticated
from todo_backend.model.principal import Principal


@dataclass
class Judge:
    """Judges bearer tokens as the application does."""

    ring: SecretRing
    tokens: SessionTokens

    async def principal(self, credential: str) -> Principal:
        now = time.time()
        if session_tokens.is_formed(credential):
            return (await self.tokens.verify(credential, now=now)).principal
        return self.ring.judge(jws.read(credential), now=now).principal

    async def outcome(self, credential: str) -> Any:
        """Say whom a credential names, or the kind of its refusal, which must not quote it."""
        try:
            return (await self.principal(credential)).user_id
        except (Unauthenticated, DatabaseUnavailable) as error:
            quotes = any(part and part in str(error) for part in credential.split("."))
            return "quoted" if quotes else type(error)


ONE_SECRET: Final = Secrets(SECRET)


@asynccontextmanager
async def judging(
    args: ConnectArgs, secrets: Secrets = ONE_SECRET, *, allows_bare: bool = False
) -> AsyncIterator[Judge]:
    async with pooled(connector(args), size=2) as pool:
        tokens = SessionTokens(
            SessionRows(BetterAuthTables(pool)), secrets, allows_bare=allows_bare
        )
        yield Judge(SecretRing(secrets, rules=ClaimRules()), tokens)
