"""How it is known who calls: keys, sessions and accounts, as the settings say."""

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from todo_backend.auth import session_cookie, session_tokens
from todo_backend.auth.accounts import AccountService
from todo_backend.auth.attempts import Attempts
from todo_backend.auth.bearer import Authenticator
from todo_backend.auth.claims import ClaimRules
from todo_backend.auth.issuer import TrustedIssuer, key_address_of, origin_of
from todo_backend.auth.jwks import PublishedKeys
from todo_backend.auth.jwks_endpoint import JwksEndpoint
from todo_backend.auth.kinds import TokenKinds
from todo_backend.auth.passwords import Passwords
from todo_backend.auth.refresh_tokens import Tokens
from todo_backend.auth.secret_ring import SecretRing, Secrets
from todo_backend.auth.session_rows import SessionRows
from todo_backend.auth.session_tokens import SessionTokens
from todo_backend.auth.sessions import Sessions
from todo_backend.connecting import database_with
from todo_backend.database.database import Database
from todo_backend.model.principal import Principal
from todo_backend.settings import Settings
from todo_backend.web.call import Call
from todo_backend.web.operation import Authenticate
from todo_backend.web.utility import Check

_MINUTE_SECONDS = 60
_DAY_SECONDS = 24 * 60 * _MINUTE_SECONDS
# One statement at a time asks about all sessions; the second connection is for when one has died.
_BETTER_AUTH_POOL_SIZE = 2


@dataclass(frozen=True, slots=True)
class Credentials:
    """What the application asks who is calling, and `close`, for when it stops.

    `checks` say whether that can be told of everybody at the moment.
    """

    authenticate: Authenticate
    accounts: AccountService
    checks: Sequence[Check]
    close: Callable[[], Awaitable[None]]


def credentials(
    settings: Settings,
    secrets: Secrets,
    database: Database,
    attempts: Attempts | None = None,
) -> Credentials:
    """Put together what `settings` describe; nothing is fetched before the first token."""
    ring = SecretRing(secrets, rules=rules_of_secret(settings), algorithm=settings.jwt_algorithm)
    keys = _published_keys(settings)
    issuer = None if keys is None else TrustedIssuer(keys, rules=rules_of_issuer(settings))
    sessions = Sessions(database.accounts())
    accounts = AccountService(
        database.accounts(),
        passwords=Passwords(),
        sessions=sessions,
        tokens=Tokens(
            ring.current,
            secret=secrets.current,
            access_seconds=settings.access_token_expire_minutes * _MINUTE_SECONDS,
            refresh_seconds=settings.refresh_token_expire_days * _DAY_SECONDS,
        ),
        attempts=attempts,
    )

    home = _home_of_better_auth(settings, database)
    better_auth = SessionTokens(
        SessionRows(home.better_auth()),
        secrets,
        allows_bare=settings.allow_unsigned_session_tokens,
    )

    async def close() -> None:
        if home is not database:
            await home.close()
        if keys is not None:
            await keys.close()

    authenticate = _authenticate(TokenKinds(ring, issuer), sessions, better_auth, settings)
    checks = () if keys is None else (Check("signing keys", keys.is_well),)
    return Credentials(authenticate, accounts, checks, close)


def _home_of_better_auth(settings: Settings, database: Database) -> Database:
    """Return the database with Better Auth's own tables, which may be this one."""
    address = settings.better_auth_connect_args()
    if address is None:
        return database
    return database_with(settings, pool_size=_BETTER_AUTH_POOL_SIZE, address=address)


def _authenticate(
    kinds: TokenKinds, sessions: Sessions, better_auth: SessionTokens, settings: Settings
) -> Authenticate:
    known = Authenticator(kinds)
    origins = frozenset(settings.allowed_origins)

    async def authenticate(call: Call, *, with_ended_session: bool = False) -> Principal:
        cookies = call.field_values(b"cookie") if settings.accept_session_cookie else ()
        shown = session_cookie.presented(call.field_values(b"authorization"), cookies)
        token = shown.credential
        if shown.is_cookie:
            session_cookie.require_allowed_origin(
                call.scope["method"], call.field_values(b"origin"), allowed=origins
            )
            return (await better_auth.verify_signed(token, now=time.time())).principal
        if session_tokens.is_formed(token):
            return (await better_auth.verify(token, now=time.time())).principal
        principal = await known.authenticate(token)
        if principal.session_id is not None and not with_ended_session:
            await sessions.require_alive((principal.user_id, principal.session_id))
        return principal

    return authenticate


def rules_of_secret(settings: Settings) -> ClaimRules:
    """Say what is expected of the claims that the shared secret signs."""
    return ClaimRules(
        leeway_seconds=settings.jwt_leeway_seconds,
        issuer=settings.jwt_issuer,
        audience=settings.jwt_audience,
    )


def key_address(settings: Settings) -> str | None:
    """Return where the issuer publishes its keys; None where only the shared secret counts."""
    if settings.jwks_url is not None:
        return settings.jwks_url.get_secret_value()
    return None if settings.better_auth_url is None else key_address_of(settings.better_auth_url)


def _published_keys(settings: Settings) -> PublishedKeys | None:
    address = key_address(settings)
    return None if address is None else PublishedKeys(JwksEndpoint(address))


def rules_of_issuer(settings: Settings) -> ClaimRules:
    """Expect what Better Auth writes, unless the settings name something else."""
    origin = None if settings.better_auth_url is None else origin_of(settings.better_auth_url)
    return ClaimRules(
        leeway_seconds=settings.jwt_leeway_seconds,
        issuer=settings.jwt_issuer or origin,
        audience=settings.jwt_audience or origin,
    )
