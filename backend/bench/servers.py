"""The two servers under test as processes: started, waited for, watched, stopped."""

import asyncio
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx

from bench import process_tree
from bench.cells import CONTRACTS, BenchError, Side
from bench.issuer import Issuer

_BACKEND: Final = Path(__file__).resolve().parents[1]
_READY_SECONDS: Final = 60
_STOP_SECONDS: Final = 15
_SETTLE_SECONDS: Final = 60
_IDLE: Final = 0.05
_IDLE_LOOK_SECONDS: Final = 0.4
_LOG_LINES: Final = 15
# The rest of the caller's environment may hold settings that would change what is measured.
_INHERITED: Final = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "PYTHONPATH")
_TODO_BACKEND: Final = (sys.executable, "-c", "from todo_backend.cli import main; main()")


@dataclass(frozen=True, slots=True)
class Target:
    """What all servers are started with. `folder` takes their logs and the product's data.

    `issuer` is whom one of them trusts, the one that is asked with tokens by EdDSA.
    """

    database_url: str
    secret: str
    folder: Path
    issuer: Issuer


@dataclass(frozen=True, slots=True)
class Server:
    side: Side
    pid: int
    port: int
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def collection(self) -> str:
        """The path of a user's tasks, with `{user_id}` where it names the user."""
        return "/api/tasks" if self.side == "accounts" else "/api/{user_id}/tasks"

    @property
    def completion(self) -> str:
        """The last segment of the path that turns a task's completion round."""
        return "toggle" if self.side == "accounts" else "complete"

    def resident_bytes(self) -> int:
        return process_tree.resident_bytes(self.pid)

    def processor_seconds(self) -> float:
        return process_tree.processor_seconds(self.pid)

    def log_tail(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-_LOG_LINES:])


@asynccontextmanager
async def running(side: Side, target: Target) -> AsyncIterator[Server]:
    """Start one server, wait until it is healthy, and stop it in any case."""
    port = _free_port()
    log = target.folder / f"{side}.log"
    process = await _start(side, target, port=port, log=log)
    server = Server(side, process.pid, port, log)
    try:
        await _ready(server, process)
        yield server
    finally:
        await _stop(process)


async def migrate(target: Target) -> None:
    """Bring the product's tables to the current schema; the baseline makes its own at start."""
    log = target.folder / "migrate.log"
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *(*_TODO_BACKEND, "migrate", "up"),
            cwd=target.folder,
            env=_environment("product", target, port=0),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
        status = await process.wait()
    if status:
        raise BenchError(f"todo-backend migrate up ended with {status}:\n{log.read_text()}")


async def settled(*servers: Server) -> None:
    """Wait until the servers are idle: wrk hangs up on requests that are still being worked on.

    Raises: BenchError when one of them has ended, or stays busy.
    """
    for server in servers:
        if not process_tree.exists(server.pid):
            raise BenchError(f"the {server.side} server has ended:\n{server.log_tail()}")
    deadline = time.monotonic() + _SETTLE_SECONDS
    while time.monotonic() < deadline:
        before = sum(server.processor_seconds() for server in servers)
        await asyncio.sleep(_IDLE_LOOK_SECONDS)
        after = sum(server.processor_seconds() for server in servers)
        if after - before <= _IDLE * _IDLE_LOOK_SECONDS:
            return
    raise BenchError(f"a server is still busy {_SETTLE_SECONDS} s after its load ended")


async def _start(side: Side, target: Target, *, port: int, log: Path) -> asyncio.subprocess.Process:
    uvicorn = (sys.executable, "-m", "uvicorn", "bench.baseline.app:app", "--no-access-log")
    address = ("--host", "127.0.0.1", "--port", str(port), "--log-level", "warning")
    command = (*uvicorn, *address) if side == "baseline" else (*_TODO_BACKEND, "serve")
    with log.open("wb") as output:
        return await asyncio.create_subprocess_exec(
            *command,
            cwd=_BACKEND if side == "baseline" else target.folder,
            env=_environment(side, target, port=port),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,  # Ctrl-C reaches the bench alone, which stops them in order
        )


def _environment(side: Side, target: Target, *, port: int) -> Mapping[str, str]:
    scheme, _, rest = target.database_url.partition("://")
    driver = "postgresql+asyncpg" if side == "baseline" else scheme
    return {name: os.environ[name] for name in _INHERITED if name in os.environ} | {
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "DATABASE_URL": f"{driver}://{rest}",
        "BETTER_AUTH_SECRET": target.secret,
        "BETTER_AUTH_URL": target.issuer.url if side == "eddsa" else "",
        # As deployed; in development `serve` also prints a token, which a log tail would show.
        "ENVIRONMENT": "production",
        "ALLOWED_ORIGINS": "http://localhost:3000",
        "API_CONTRACTS": CONTRACTS.get(side, ""),
        "LOG_LEVEL": "warning",
        "RATE_LIMIT_ENABLED": "false",
        "DATA_DIR": str(target.folder / side),
    }


async def _ready(server: Server, process: asyncio.subprocess.Process) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    async with httpx.AsyncClient(trust_env=False) as client:
        while time.monotonic() < deadline:
            if process.returncode is not None:
                break
            with suppress(httpx.TransportError):
                if (await client.get(f"{server.url}/health")).is_success:
                    return
            await asyncio.sleep(0.1)
    raise BenchError(f"the {server.side} server does not come up:\n{server.log_tail()}")


async def _stop(process: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError):
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), _STOP_SECONDS)
    except TimeoutError:
        # Its own session, so the group holds this server and nothing else.
        os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
