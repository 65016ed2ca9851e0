"""A real Redis of the test's own, which can be frozen, killed and started again."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import Final

REDIS: Final = shutil.which("redis-server", path=f"{os.environ['PATH']}:/usr/sbin")
MISSING: Final = "redis-server is not installed here"
_PATIENCE_SECONDS: Final = 20
_PAUSE_SECONDS: Final = 0.01


@dataclass
class RedisServer:
    """A server on `port` that wants `password`, and forgets everything when it ends."""

    folder: Path
    port: int
    password: str
    _process: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    def start(self) -> None:
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", ""]
        self._process = subprocess.Popen(  # noqa: S603 - found above
            [str(REDIS), *options, "--requirepass", self.password, "--dir", str(self.folder)],
            stdout=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not self._listens():
            assert time.monotonic() < deadline, "redis-server does not come up"
            time.sleep(_PAUSE_SECONDS)

    def freeze(self) -> None:
        """Let it take what is sent, and answer nothing."""
        self._send(signal.SIGSTOP)

    def thaw(self) -> None:
        self._send(signal.SIGCONT)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def command(self, *words: str) -> None:
        """Say something to it, and take it for done."""
        assert self._said(*words).startswith("+OK")

    def keys(self) -> str:
        """Return the names of everything in it, as it spells them."""
        return self._said("keys", "*")

    def _send(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def _said(self, *words: str) -> str:
        with socket.create_connection(("127.0.0.1", self.port)) as connection:
            connection.sendall(_spelled("auth", self.password))
            assert connection.recv(1024) == b"+OK\r\n"
            connection.sendall(_spelled(*words))
            return connection.recv(4096).decode()

    def _listens(self) -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
            return True
        return False


def _spelled(*words: str) -> bytes:
    parts = [f"${len(word)}\r\n{word}\r\n" for word in words]
    return f"*{len(words)}\r\n{''.join(parts)}".encode()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    return port


@contextmanager
def redis_server(folder: Path) -> Iterator[RedisServer]:
    """Give a server that is not started yet, and see to its end."""
    server = RedisServer(folder, free_port(), f"canary-{token_hex(12)}")
    try:
        yield server
    finally:
        server.kill()
