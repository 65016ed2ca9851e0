"""Whether the database can be reached at all, and what stands in the way.

The sentences name no value of the address: not even a host, which may hold a mistyped password.
"""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import Enum
from typing import Final

import asyncpg

from todo_backend.database.pool import UNREACHABLE
from todo_backend.database.url import ConnectArgs
from todo_backend.model.errors import DatabaseUnavailable

_CLOSE_SECONDS: Final = 2.0


class Obstacle(Enum):
    """What keeps a connection from opening.

    `is_lasting`: waiting does not mend it, somebody has to correct the address or the server.
    """

    NOTHING_LISTENS = (
        False,
        "nothing listens at the database's address",
        "start the database, or correct host and port in DATABASE_URL",
    )
    NO_SOCKET = (
        False,
        "no database has its socket in the folder that is its address",
        "start the database, or correct the host in DATABASE_URL",
    )
    SOCKET_CLOSED_TO_US = (
        True,
        "the database's socket is in a folder that this user may not enter",
        "run as another user, or connect by TCP",
    )
    HOST_UNKNOWN = (
        True,
        "the database's host name is unknown",
        "correct the host in DATABASE_URL, or start the machine that has this name",
    )
    NAMES_UNAVAILABLE = (
        False,
        "the name service does not answer, so the database's host can't be found",
        "check the network and the name service of this machine",
    )
    NO_ROUTE = (
        False,
        "no way through the network leads to the database's host",
        "check the host in DATABASE_URL, the network and its firewalls",
    )
    SILENT = (
        False,
        "the database does not answer in time",
        "check host and port in DATABASE_URL and the firewalls, or raise DATABASE_TIMEOUT",
    )
    NO_TLS = (
        True,
        "the database offers no TLS, and its address demands it",
        "turn TLS on in the database, or ask for less by sslmode in DATABASE_URL",
    )
    CERTIFICATE = (
        True,
        "the database's certificate is not one that this machine trusts for this host",
        "add sslrootcert to DATABASE_URL with the authority's certificate, or correct its host",
    )
    TLS = (
        True,
        "the TLS handshake with the database fails",
        "check that host and port in DATABASE_URL are the database's, and its certificate",
    )
    PASSWORD = (
        True,
        "the database refuses the user name or the password",
        "correct them in DATABASE_URL",
    )
    NOT_LET_IN = (
        True,
        "the database does not let this user in from here",
        "check the user and sslmode in DATABASE_URL, and pg_hba.conf of the database",
    )
    DATABASE_UNKNOWN = (
        True,
        "the server has no database of the name in its address",
        "create it, or correct the name in DATABASE_URL",
    )
    DATABASE_CLOSED_TO_USER = (
        True,
        "the user may not connect to this database",
        "GRANT CONNECT ON DATABASE … TO …, or correct the user in DATABASE_URL",
    )
    FULL = (
        False,
        "all connections that the database allows are taken",
        "lower DB_POOL_SIZE or WORKERS, close other clients, or raise max_connections",
    )
    NOT_READY = (
        False,
        "the database is starting up or shutting down",
        "wait a moment; if it stays so, read the database's log",
    )
    NO_SUCH_SERVER = (
        False,
        "no host is of the kind that target_session_attrs asks for",
        "name the right hosts in DATABASE_URL, or ask for another kind",
    )
    BROKEN_OFF = (
        False,
        "the connection to the database breaks off before it is open",
        "check that host and port in DATABASE_URL are a PostgreSQL's, and read its log",
    )

    def __init__(self, is_lasting: bool, sentence: str, remedy: str) -> None:  # noqa: FBT001 - the members' columns
        self.is_lasting = is_lasting
        self.sentence = sentence
        self.remedy = remedy


class DatabaseUnfit(Exception):
    """The database can't serve this release, and waiting will not mend it.

    One sentence with the way out, and no value of the address.
    """


class Unreachable(DatabaseUnavailable):
    """No connection could be opened, and it is known what stands in the way."""

    def __init__(self, obstacle: Obstacle) -> None:
        super().__init__(obstacle.sentence)
        self.obstacle = obstacle


# The first that fits, so that a class comes before the one it is made from.
_KINDS: Final[tuple[tuple[type[BaseException], Obstacle], ...]] = (
    (ssl.SSLCertVerificationError, Obstacle.CERTIFICATE),
    (ssl.SSLError, Obstacle.TLS),
    (TimeoutError, Obstacle.SILENT),
    (socket.gaierror, Obstacle.HOST_UNKNOWN),
    (FileNotFoundError, Obstacle.NO_SOCKET),
    (PermissionError, Obstacle.SOCKET_CLOSED_TO_US),
    (ConnectionRefusedError, Obstacle.NOTHING_LISTENS),
    (asyncpg.InvalidPasswordError, Obstacle.PASSWORD),
    (asyncpg.InvalidAuthorizationSpecificationError, Obstacle.NOT_LET_IN),
    (asyncpg.InvalidCatalogNameError, Obstacle.DATABASE_UNKNOWN),
    (asyncpg.InsufficientPrivilegeError, Obstacle.DATABASE_CLOSED_TO_USER),
    (asyncpg.TooManyConnectionsError, Obstacle.FULL),
    (asyncpg.CannotConnectNowError, Obstacle.NOT_READY),
    (asyncpg.TargetServerAttributeNotMatched, Obstacle.NO_SUCH_SERVER),
    (ConnectionError, Obstacle.BROKEN_OFF),
    (OSError, Obstacle.NO_ROUTE),
)


@asynccontextmanager
async def connected(
    args: ConnectArgs, *, timeout_seconds: float
) -> AsyncIterator[asyncpg.Connection]:
    """Open a connection and close it afterwards. Raises: Unreachable."""
    keywords = args.kwargs()
    keywords["timeout"] = min(timeout_seconds, keywords.get("timeout", timeout_seconds))
    # Without names for its statements, a connection also works through a transaction pooler.
    keywords["statement_cache_size"] = 0
    try:
        connection = await asyncpg.connect(**keywords)
    except (*UNREACHABLE, asyncpg.InsufficientPrivilegeError) as error:
        raise Unreachable(obstacle_of(error)) from error
    try:
        yield connection
    finally:
        await _close(connection)


def obstacle_of(error: BaseException) -> Obstacle:
    """Tell what stands in the way, from what opening a connection has raised."""
    if isinstance(error, socket.gaierror) and error.errno == socket.EAI_AGAIN:
        return Obstacle.NAMES_UNAVAILABLE
    # asyncpg's own, in plain words: `PostgreSQL server at … rejected SSL upgrade`.
    if type(error) is ConnectionError and "SSL" in str(error):
        return Obstacle.NO_TLS
    # A host with several addresses, none of which answers: `Multiple exceptions: …`.
    if type(error) is OSError and error.errno is None and "Connect call failed" in str(error):
        return Obstacle.NOTHING_LISTENS
    fitting = (obstacle for kind, obstacle in _KINDS if isinstance(error, kind))
    return next(fitting, Obstacle.BROKEN_OFF)


async def _close(connection: asyncpg.Connection) -> None:
    try:
        await asyncio.wait_for(connection.close(), _CLOSE_SECONDS)
    except (OSError, TimeoutError, asyncpg.InterfaceError, asyncpg.PostgresError):
        connection.terminate()
