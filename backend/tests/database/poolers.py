"""PgBouncer in transaction mode, where it is installed."""

import os
import re
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from tests.database.databases import until
from todo_backend.database.embedded import EmbeddedPostgres
from todo_backend.database.url import ConnectArgs, parse

PGBOUNCER: Final = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
SERVER_SESSIONS: Final = 3


def knows_prepared_statements() -> bool:
    said = subprocess.run([str(PGBOUNCER), "--version"], capture_output=True, text=True, check=True)  # noqa: S603 - found above
    found = re.search(r"PgBouncer (\d+)\.(\d+)", said.stdout)
    assert found is not None
    return (int(found[1]), int(found[2])) >= (1, 21)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    return port


@contextmanager
def reached_by_tcp(folder: Path) -> Iterator[ConnectArgs]:
    """Start a server that listens on a port, because the pooler runs as another user."""
    port = free_port()
    options = {"fsync": "off", "listen_addresses": "127.0.0.1", "port": str(port)}
    with EmbeddedPostgres.start(folder, options=options) as running:
        yield replace(parse(running.url), hosts=("127.0.0.1",), ports=(port,))


@asynccontextmanager
async def pooler(
    server: ConnectArgs, folder: Path, *, prepared: bool, sessions: int = SERVER_SESSIONS
) -> AsyncIterator[ConnectArgs]:
    """Put PgBouncer before the server; `prepared` lets it keep track of prepared statements."""
    port = free_port()
    config = folder / "pgbouncer.ini"
    config.write_text(
        f"[databases]\n* = host=127.0.0.1 port={server.ports[0]}"
        f" user={server.user} password={server.password}\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
        f"auth_type = any\npool_mode = transaction\ndefault_pool_size = {sessions}\n"
        + ("max_prepared_statements = 100\n" if prepared else "")
    )
    other_user = ["-u", "nobody"] if os.geteuid() == 0 else []
    process = subprocess.Popen(  # noqa: ASYNC220, S603 - it returns at once; the test's own words
        [str(PGBOUNCER), "-q", *other_user, str(config)], stderr=subprocess.DEVNULL
    )
    try:
        await until(lambda: _listens(port))
        yield replace(server, ports=(port,))
    finally:
        process.terminate()
        process.wait()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
