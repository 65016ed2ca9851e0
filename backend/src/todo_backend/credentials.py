"""How it is known who calls: keys, sessions and accounts, as the settings say."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from todo_backend.auth.accounts import AccountService
from todo_backend.auth.bearer import Authenticator, credential
from todo_backend.auth.claims import ClaimRules
from todo_backend.auth.issuer import TrustedIssuer, key_address_of, origin_of
from todo_backend.auth.jwks import PublishedKeys
from todo_backend.auth.jwks_endpoint import JwksEndpoint
from todo_backend.auth.kinds import TokenKinds
from todo_backend.auth.passwords import Passwords
from todo_backend.auth.refresh_tokens import Tokens
from todo_backend.auth.sessions import Sessions
from todo_backend.auth.shared_secret import SharedSecret
from todo_backend.database.database import Database
from todo_backend.model.principal import Principal
from todo_backend.secret_file import secret_of
from todo_backend.settings import Settings
from todo_backend.web.call import Call
from todo_backend.web.operation import Authenticate

_MINUTE_SECONDS = 60
_DAY_SECONDS = 24 * 60 * _MINUTE_SECONDS


@dataclass(frozen=True, slots=True)
class Credentials:
    """What the application asks who is calling, and `close`, for when it stops."""

    authenticate: Authenticate
    accounts: AccountService
    close: Callable[[], Awaitable[None]]


def credentials(settings: Settings, database: Database) -> Credentials:
    """Put together what `settings` describe; nothing is fetched before the first token."""
    secret = secret_of(settings)
    key = _shared_secret(settings, secret)
    keys = _published_keys(settings)
    issuer = None if keys is None else TrustedIssuer(keys, rules=_rules_of_issuer(settings))
    sessions = Sessions(database.accounts())
    accounts = AccountService(
        database.accounts(),
        passwords=Passwords(),
        sessions=sessions,
        tokens=Tokens(
            key,
            secret=secret,
            access_seconds=settings.access_token_expire_minutes * _MINUTE_SECONDS,
            refresh_seconds=settings.refresh_token_expire_days * _DAY_SECONDS,
        ),
    )

    async def close() -> None:
        if keys is not None:
            await keys.close()

    return Credentials(_authenticate(TokenKinds(key, issuer), sessions), accounts, close)


def _authenticate(kinds: TokenKinds, sessions: Sessions) -> Authenticate:
    known = Authenticator(kinds)

    async def authenticate(call: Call, *, with_ended_session: bool = False) -> Principal:
        principal = await known.authenticate(credential(call.field_values(b"authorization")))
        if principal.session_id is not None and not with_ended_session:
            await sessions.require_alive((principal.user_id, principal.session_id))
        return principal

    return authenticate


def _shared_secret(settings: Settings, secret: str) -> SharedSecret:
    """Make the key that tokens are verified by, and our own are signed with."""
    rules = ClaimRules(
        leeway_seconds=settings.jwt_leeway_seconds,
        issuer=settings.jwt_issuer,
        audience=settings.jwt_audience,
    )
    return SharedSecret(secret, rules=rules, algorithm=settings.jwt_algorithm)


def _published_keys(settings: Settings) -> PublishedKeys | None:
    address = settings.jwks_url
    if address is None and settings.better_auth_url is not None:
        address = key_address_of(settings.better_auth_url)
    return None if address is None else PublishedKeys(JwksEndpoint(address))


def _rules_of_issuer(settings: Settings) -> ClaimRules:
    """Expect what Better Auth writes, unless the settings name something else."""
    origin = None if settings.better_auth_url is None else origin_of(settings.better_auth_url)
    return ClaimRules(
        leeway_seconds=settings.jwt_leeway_seconds,
        issuer=settings.jwt_issuer or origin,
        audience=settings.jwt_audience or origin,
    )
