"""The one address where an issuer publishes its keys, and what is taken for an answer there."""

import asyncio
import base64
import ssl
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit

import httpcore

from todo_backend import __version__
from todo_backend.auth import public_keys
from todo_backend.auth.public_keys import JwksMalformed, KeySet

BODY_MAX_BYTES: Final = 1024 * 1024

_OK: Final = 200
_REDIRECTS: Final = range(300, 400)
# The library's errors have no root of their own.
_UNREACHABLE: Final = (
    OSError,
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.TimeoutException,
    httpcore.ConnectionNotAvailable,
)


class FetchFailed(Exception):
    """There is no key set to be had. The message is for the log and quotes no answer."""


class JwksEndpoint:
    """The address of a JSON Web Key Set (RFC 7517). No token, and no answer, leads to another.

    No redirect is followed. Certificates are verified: the authorities are those of the system, or
    of `SSL_CERT_FILE`, and certifi's.
    """

    __slots__ = ("_fetch_seconds", "_headers", "_pool", "_target", "address")

    def __init__(self, url: str, *, fetch_seconds: float = 10.0) -> None:
        """Take an http or https address, perhaps with a user and a password.

        `address` is what a log may show: it has neither them nor the query.
        Raises: ValueError, which doesn't quote the address.
        """
        parts = parts_of(url)
        host = parts.netloc.rpartition("@")[2]
        self.address: Final = f"{parts.scheme}://{host}{parts.path}"
        query = f"?{parts.query}" if parts.query else ""
        self._target: Final = f"{self.address}{query}"
        self._headers: Final = _headers(parts, host)
        self._fetch_seconds: Final = fetch_seconds
        self._pool: Final = httpcore.AsyncConnectionPool(
            # Reading the authorities takes 35 ms, so not in the middle of a request.
            ssl_context=httpcore.default_ssl_context() if parts.scheme == "https" else None,
            max_keepalive_connections=0,
        )

    async def fetch(self) -> KeySet:
        """Ask for the key set.

        Raises: FetchFailed after `fetch_seconds` at the latest, and for all but a key set.
        """
        try:
            async with asyncio.timeout(self._fetch_seconds):
                body = await self._body()
            return public_keys.read(body)
        except TimeoutError:
            raise FetchFailed("no whole answer in time") from None
        except _UNREACHABLE as error:
            raise FetchFailed(_reason(error)) from error
        except JwksMalformed as error:
            raise FetchFailed(f"not a key set: {error}") from None

    async def close(self) -> None:
        await self._pool.aclose()

    async def _body(self) -> bytes:
        body = bytearray()
        async with self._pool.stream("GET", self._target, headers=self._headers) as answer:
            if answer.status in _REDIRECTS:
                raise FetchFailed(f"answers {answer.status}, and redirects are not followed")
            if answer.status != _OK:
                raise FetchFailed(f"answers {answer.status}")
            if any(name.lower() == b"content-encoding" for name, _ in answer.headers):
                raise FetchFailed("answers in an encoding that was not asked for")
            async for chunk in answer.aiter_stream():
                body += chunk
                if len(body) > BODY_MAX_BYTES:
                    raise FetchFailed(f"answers more than {BODY_MAX_BYTES} bytes")
        return bytes(body)


def parts_of(url: str) -> SplitResult:
    """Take the address of a key set apart.

    Raises: ValueError where it leads nowhere, without the address in it.
    """
    try:
        parts = urlsplit(url)
        is_usable = parts.scheme in ("http", "https") and bool(parts.hostname) and url.isascii()
        is_usable = is_usable and url.isprintable() and " " not in url and parts.port != 0
        # A label too long for the resolver would be no OSError later on.
        (parts.hostname or "").encode("idna")
    except ValueError:
        is_usable = False
    if not is_usable:
        raise ValueError("wants the http:// or https:// address of a JSON Web Key Set") from None
    return parts


def _headers(parts: SplitResult, host: str) -> list[tuple[str, str]]:
    headers = [
        ("Host", host),  # the library's own would lack the brackets of an IPv6 address
        ("Accept", "application/jwk-set+json, application/json"),
        ("Accept-Encoding", "identity"),
        ("User-Agent", f"todo-backend/{__version__}"),
    ]
    if parts.username is not None:
        credentials = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        encoded = base64.b64encode(credentials.encode()).decode("ascii")
        headers.append(("Authorization", f"Basic {encoded}"))
    return headers


def _reason(error: BaseException) -> str:
    # The library's errors stand for those of the system, and it drops their causes.
    while (cause := error.__cause__ or error.__context__) is not None:
        error = cause
    if isinstance(error, ssl.SSLCertVerificationError):
        return "its certificate is not trusted"
    return f"can't be reached: {type(error).__name__}"
