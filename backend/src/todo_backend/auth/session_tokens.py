"""Session tokens of Better Auth: no claims under a signature, but the key of a row.

Better Auth hands them out signed (`<token>.<MAC of it>`, as a cookie and in the header
`set-auth-token`) and, in the body of a sign-in, bare. Whoever presents one is whom its row names,
so a sign-out there counts here as soon as the row is looked at again.
"""

import base64
import hmac
import re
from typing import Final

from todo_backend.auth import claims
from todo_backend.auth.claims import Verified
from todo_backend.auth.secret_ring import Secrets, require_one
from todo_backend.auth.session_rows import SessionRows
from todo_backend.database.better_auth import TablesNotFound
from todo_backend.model.errors import TokenExpired, TokenInvalid
from todo_backend.model.principal import Principal

_BARE: Final = re.compile(r"[A-Za-z0-9]{32}")
_SIGNED: Final = re.compile(r"([A-Za-z0-9]{32})\.([A-Za-z0-9+/]{43}=)")
# Of the characters of base64, those that a cookie holds percent-encoded.
_ESCAPE: Final = re.compile(r"%(2B|2F|3D)", re.IGNORECASE)
_ESCAPED: Final = {"2B": "+", "2F": "/", "3D": "="}
_JWT_DOTS: Final = 2


def is_formed(credential: str) -> bool:
    """Whether a credential can be a session token. A JWT has two dots and can't."""
    return credential.count(".") < _JWT_DOTS


def parts_of(credential: str) -> tuple[str, str] | None:
    """Read a signed session token and its MAC, raw or as a cookie holds them; None for the rest."""
    text = _ESCAPE.sub(_unescaped, credential) if "%" in credential else credential
    found = _SIGNED.fullmatch(text)
    return None if found is None else (found[1], found[2])


class SessionTokens:
    """Verifies session tokens, by the secrets that sign them and the rows that they are keys of."""

    __slots__ = ("_accepts_retired", "_allows_bare", "_keys", "_rows")

    def __init__(self, rows: SessionRows, secrets: Secrets, *, allows_bare: bool = False) -> None:
        self._rows = rows
        self._keys = [secret.encode("utf-8") for secret in secrets.all]
        self._accepts_retired = secrets.accepts_retired
        self._allows_bare = allows_bare

    async def verify(self, credential: str, *, now: float) -> Verified:
        """Say whose session token this is; that is good for this moment, and not to be remembered.

        Raises: TokenInvalid for what is no session token, or none that is allowed or known;
        SignatureInvalid; TokenExpired; DatabaseUnavailable where nobody can tell.
        """
        if "." in credential:
            return await self.verify_signed(credential, now=now)
        if not _BARE.fullmatch(credential):
            raise TokenInvalid("neither a JWT nor a session token")
        if not self._allows_bare:
            raise TokenInvalid("an unsigned session token, see ALLOW_UNSIGNED_SESSION_TOKENS")
        return await self._owner(credential, now)

    async def verify_signed(self, credential: str, *, now: float) -> Verified:
        """Do the same where only a signed one will do: in a cookie."""
        parts = parts_of(credential)
        if parts is None:
            raise TokenInvalid("neither a JWT nor a session token")
        self._require_mac(*parts)
        return await self._owner(parts[0], now)

    def _require_mac(self, token: str, mac: str) -> None:
        def verifies(key: bytes) -> bool:
            # Texts are compared and not octets: so a MAC has one spelling.
            made = base64.b64encode(hmac.digest(key, token.encode("ascii"), "sha256"))
            return hmac.compare_digest(made, mac.encode("ascii"))

        if not verifies(self._keys[0]):
            require_one(self._keys, verifies, accepts_retired=self._accepts_retired)

    async def _owner(self, token: str, now: float) -> Verified:
        try:
            session = await self._rows.find(token)
        except TablesNotFound as error:
            raise TokenInvalid(f"a session token, but {error.reason}") from None
        if session is None:
            raise TokenInvalid("no such session: signed out, or of another database")
        if not session.is_live:
            raise TokenExpired("the session has expired")
        if not claims.is_user_id(session.user_id):
            raise TokenInvalid("user id not a usable string")
        principal = Principal(
            user_id=session.user_id,
            email=claims.profile_text(session.email, claims.EMAIL_MAX),
            name=claims.profile_text(session.name, claims.NAME_MAX),
        )
        return Verified(principal, valid_until=now)


def _unescaped(found: re.Match[str]) -> str:
    return _ESCAPED[found[1].upper()]
