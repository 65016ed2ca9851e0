"""The real server, on a free port, inside the test's event loop."""

import asyncio
import io
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

import uvicorn

from tests.support import canary
from todo_backend import observability
from todo_backend.app import TodoApp, create_app
from todo_backend.contracts import CONTRACTS
from todo_backend.secret_file import secret_of
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
        "RATE_LIMIT_ENABLED": "false",  # the suite has one address, and signs hundreds up
        "LOG_FORMAT": "json",
        **others,
    }


@asynccontextmanager
async def serving(
    env: Mapping[str, str],
    *,
    contracts: Mapping[str, Contract] = CONTRACTS,
    collector: canary.Collector = canary.SUITE,
) -> AsyncIterator[Served]:
    """Serve the deployment that `env` describes, and stop it gracefully afterwards.

    `collector` learns what is secret here, and looks for it in the log and in every answer.
    """
    families = {name: contract.family for name, contract in contracts.items()}
    settings = load(env, env_file=None, contracts=tuple(contracts), families=families)
    log = io.StringIO()
    observability.configure(level=settings.log_level, form=settings.log_format, stream=log)
    app = create_app(settings, contracts=contracts)
    collector.watch(f"the server of {', '.join(settings.api_contracts)}", log.getvalue)
    address = settings.connect_args()
    secrets = [secret_of(settings), (address and address.password) or ""]
    config = uvicorn.Config(
        canary.Witness(app, collector, secrets=secrets),
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
