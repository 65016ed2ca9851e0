"""Where the server listens: the sockets of HOST and PORT, and the address to type for them."""

import errno
import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Final

from todo_backend.settings import SettingsError

_BACKLOG: Final = 2048
_EVERYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104 - shown, not bound
# A name may have addresses that this machine doesn't have: ::1 where IPv6 is off.
_ABSENT: Final = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)
_NO_ADDRESS: Final = "HOST wants an address of this machine, or a name of one"


class PortError(Exception):
    """The port can't be listened on: one sentence with the way out."""


@contextmanager
def listening(host: str, port: int) -> Iterator[list[socket.socket]]:
    """Take the port, before anything is started for it, on every address of `host`.

    Who connects from now on waits for the server instead of being turned away.
    Raises: PortError, SettingsError where `host` is not this machine's.
    """
    with ExitStack() as stack:
        sockets: list[socket.socket] = []
        for family, place in _addresses(host, port):
            # With port 0 the first address finds a free one for all of them.
            number = sockets[0].getsockname()[1] if sockets else port
            try:
                sockets.append(stack.enter_context(_listener(family, place, number)))
            except OSError as error:
                if error.errno not in _ABSENT:
                    raise PortError(_sentence(host, number, error)) from None
        if not sockets:
            raise SettingsError(_NO_ADDRESS)
        yield sockets


def address_of(host: str, sockets: list[socket.socket]) -> str:
    """Spell what a client on this machine types: `http://127.0.0.1:8000`."""
    name = _EVERYWHERE.get(host) or (f"[{host}]" if ":" in host else host)
    return f"http://{name}:{sockets[0].getsockname()[1]}"


def is_everywhere(host: str) -> bool:
    """Whether other machines can connect, whichever address of this one they know."""
    return host in _EVERYWHERE


def _addresses(host: str, port: int) -> list[tuple[socket.AddressFamily, tuple[str, int, int]]]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise SettingsError(_NO_ADDRESS) from None
    # IPv4 has no scope; in IPv6 it is the network interface of a link-local address.
    places = [
        (family, (str(at[0]), int(at[1]), int(at[3]) if len(at) > 3 else 0))  # noqa: PLR2004 - as above
        for family, _, _, _, at in found
    ]
    return list(dict.fromkeys(places))


def _listener(
    family: socket.AddressFamily, place: tuple[str, int, int], port: int
) -> socket.socket:
    host, _, scope = place
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        if os.name == "posix":  # on Windows it would let two servers share the port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port, 0, scope) if family == socket.AF_INET6 else (host, port))
        # Two may bind the same port as long as neither listens: only this settles whose it is.
        listener.listen(_BACKLOG)
    except BaseException:
        listener.close()
        raise
    return listener


def _sentence(host: str, port: int, error: OSError) -> str:
    where = f"can't listen on {f'[{host}]' if ':' in host else host}:{port}"
    if error.errno == errno.EADDRINUSE:
        return f"{where}, somebody else does already: stop that one, or set another PORT"
    if error.errno == errno.EACCES:
        return f"{where}, that takes more rights than this user has: set a PORT from 1024 up"
    return f"{where}: {error.strerror or type(error).__name__}"
