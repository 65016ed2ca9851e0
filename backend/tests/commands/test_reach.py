"""What a failed connection means, where no server at hand can be made to fail that way."""

import socket
import ssl

import asyncpg
import pytest

from todo_backend.database.reach import Obstacle, obstacle_of


@pytest.mark.parametrize(
    ("error", "obstacle"),
    [
        (socket.gaierror(socket.EAI_AGAIN, "try again"), Obstacle.NAMES_UNAVAILABLE),
        (socket.gaierror(socket.EAI_NONAME, "unknown"), Obstacle.HOST_UNKNOWN),
        (ssl.SSLCertVerificationError("self-signed"), Obstacle.CERTIFICATE),
        (ssl.SSLError("wrong version number"), Obstacle.TLS),
        (ConnectionError("PostgreSQL server at x rejected SSL upgrade"), Obstacle.NO_TLS),
        (OSError("Multiple exceptions: [Errno 111] Connect call failed"), Obstacle.NOTHING_LISTENS),
        (OSError(113, "No route to host"), Obstacle.NO_ROUTE),
        (PermissionError(13, "Permission denied"), Obstacle.SOCKET_CLOSED_TO_US),
        (ConnectionResetError(104, "reset"), Obstacle.BROKEN_OFF),
        (asyncpg.ConnectionDoesNotExistError("closed"), Obstacle.BROKEN_OFF),
        (asyncpg.CannotConnectNowError("starting up"), Obstacle.NOT_READY),
        (asyncpg.TargetServerAttributeNotMatched("none"), Obstacle.NO_SUCH_SERVER),
    ],
)
def test_obstacle(error: BaseException, obstacle: Obstacle) -> None:
    """Each has a sentence and a remedy of its own."""
    assert obstacle_of(error) is obstacle


def test_what_waiting_mends() -> None:
    """A server that may come, or come back, is waited for; a wrong address is not."""
    passing = {obstacle.name for obstacle in Obstacle if not obstacle.is_lasting}

    assert passing == {
        "NOTHING_LISTENS",
        "NO_SOCKET",
        "NAMES_UNAVAILABLE",
        "NO_ROUTE",
        "SILENT",
        "FULL",
        "NOT_READY",
        "NO_SUCH_SERVER",
        "BROKEN_OFF",
    }
