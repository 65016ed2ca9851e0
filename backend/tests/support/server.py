"""The real server, on a free port, inside the test's event loop."""

import asyncio
import io
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

import uvicorn

from todo_backend import observability
from todo_backend.app import TodoApp, create_app
from todo_backend.contracts import CONTRACTS
from todo_backend.settings import load
from todo_backend.web.contract import Contract
from todo_backend.web.transport import HttpProtocol

SECRET = "A-secret-of-the-tests-0123456789-abcdefgh"
ORIGIN = "http://localhost:3000"
_PAUSE_SECONDS = 0.005


@dataclass(frozen=True, slots=True)
class Served:
    """A running server: where it is, what it is, and every log line that it has written."""

    url: str
    app: TodoApp
    log: io.StringIO


def environment(database_url: str, **others: str) -> dict[str, str]:
    """Return what a deployment for tests sets; `others` are variables that win."""
    return {
        "DATABASE_URL": database_url,
        "BETTER_AUTH_SECRET": SECRET,
        "ENVIRONMENT": "test",
        "LOG_FORMAT": "json",
        **others,
    }


@asynccontextmanager
async def serving(
    env: Mapping[str, str], *, contracts: Mapping[str, Contract] = CONTRACTS
) -> AsyncIterator[Served]:
    """Serve the deployment that `env` describes, and stop it gracefully afterwards."""
    settings = load(env, env_file=None, contracts=tuple(contracts))
    log = io.StringIO()
    observability.configure(level=settings.log_level, form=settings.log_format, stream=log)
    app = create_app(settings, contracts=contracts)
    config = uvicorn.Config(
        app,
        port=0,
        http=HttpProtocol,
        ws="none",
        log_config=None,
        server_header=False,
        proxy_headers=False,
    )
    server = _Server(config)
    running = asyncio.create_task(server.serve())
    try:
        while not server.started:
            if running.done():
                running.result()
            await asyncio.sleep(_PAUSE_SECONDS)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield Served(f"http://127.0.0.1:{port}", app, log)
    finally:
        server.should_exit = True
        await running


class _Server(uvicorn.Server):
    """Leaves the signals to pytest."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
