"""From the `Authorization` header to a principal (RFC 6750, section 2.1)."""

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from todo_backend.auth.claims import Verified
from todo_backend.auth.jws import TOKEN_MAX_BYTES
from todo_backend.model.errors import CredentialMissing, TokenInvalid
from todo_backend.model.principal import Principal

CACHE_ENTRIES: Final = 10_000
# Longer tokens are verified each time, which bounds the cache in bytes: 20 MB of tokens.
CACHED_TOKEN_MAX: Final = 2 * 1024

# Visible ASCII without the comma, by which an intermediary joins repeated headers.
_CREDENTIAL: Final = bytes(range(0x21, 0x7F)).replace(b",", b"")


def credential(values: Sequence[bytes]) -> str:
    """Read the bearer token out of all `Authorization` values of one request.

    Raises: CredentialMissing where there is none under this scheme; TokenInvalid for two headers,
    for two tokens in one, and for more than 8 KiB, whatever it says.
    """
    if not values:
        raise CredentialMissing("no Authorization header")
    if len(values) > 1:
        raise TokenInvalid("more than one Authorization header")
    scheme, _, rest = values[0].strip(b" \t").partition(b" ")
    if scheme.lower() != b"bearer":
        raise CredentialMissing("not the Bearer scheme")
    token = rest.lstrip(b" ")
    if not token:
        raise CredentialMissing("scheme without a token")
    if len(token) > TOKEN_MAX_BYTES:
        raise TokenInvalid("token too long")
    if token.translate(None, _CREDENTIAL):
        raise TokenInvalid("blank, comma or unprintable character in the credential")
    return token.decode("ascii")


class Verifier(Protocol):
    """Something that can tell whether a token is genuine."""

    async def verify(self, token: str, *, now: float) -> Verified:
        """Vouch for a token at `now` (Unix seconds), or raise a kind of Unauthenticated.

        Raises: KeysUnavailable where nobody can tell.
        """
        ...

    def generation(self) -> int:
        """Return a number that changes when a key that has vouched for tokens is no longer good."""
        ...


class Authenticator:
    """Verifies tokens and remembers those that were good until they expire.

    Entries are found by the whole token, so a changed signature is another token; failures are
    never kept. When full it forgets the oldest, and when a key goes it forgets them all. It belongs
    to one event loop.
    """

    __slots__ = ("_clock", "_entries", "_generation", "_max_entries", "_verifier")

    def __init__(
        self,
        verifier: Verifier,
        *,
        clock: Callable[[], float] = time.time,
        max_entries: int = CACHE_ENTRIES,
    ) -> None:
        self._verifier = verifier
        self._clock = clock
        self._max_entries = max_entries
        # Not a dict: finding its first key passes over the holes that earlier evictions left.
        self._entries: OrderedDict[str, Verified] = OrderedDict()
        self._generation = verifier.generation()

    async def authenticate(self, token: str) -> Principal:
        """Say who presents this token.

        Raises: TokenInvalid, SignatureInvalid, TokenExpired or KeysUnavailable.
        """
        now = self._clock()
        if self._verifier.generation() != self._generation:
            self._forget()
        known = self._entries.get(token)
        if known is not None and now < known.valid_until:
            return known.principal
        return await self._verify(token, now)

    def _forget(self) -> None:
        self._entries.clear()
        self._generation = self._verifier.generation()

    async def _verify(self, token: str, now: float) -> Principal:
        self._entries.pop(token, None)
        before = self._generation
        verified = await self._verifier.verify(token, now=now)
        if self._verifier.generation() != self._generation:
            self._forget()
        # The key that has just vouched may be the one that went while it did.
        if len(token) <= CACHED_TOKEN_MAX and before == self._generation:
            self._entries[token] = verified
            if len(self._entries) > self._max_entries:
                self._entries.popitem(last=False)
        return verified.principal
