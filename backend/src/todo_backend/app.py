"""How it is assembled: settings in, an application out."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any, Final

from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from todo_backend import __version__
from todo_backend.connecting import database_with
from todo_backend.contracts import CONTRACTS
from todo_backend.credentials import Credentials, credentials
from todo_backend.lifespan import lifespan_of, told_in_a_line
from todo_backend.model.errors import TodoError
from todo_backend.observability import RequestLog
from todo_backend.rate_limiting import RateLimiting, rate_limiting
from todo_backend.secret_file import secrets_of
from todo_backend.settings import Settings
from todo_backend.web import docs, utility
from todo_backend.web import openapi as description
from todo_backend.web.client_address import ClientAddress
from todo_backend.web.contract import Contract, function_sets
from todo_backend.web.cursors import Cursors, cursors
from todo_backend.web.operation import Operation
from todo_backend.web.router import Router
from todo_backend.web.shell import Shell
from todo_backend.web.signature import (
    OWNER,
    Service,
    accounts,
    search_functions,
    task_functions,
)

TITLE: Final = "Todo backend"
METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
REQUEST_HEADERS: Final = (
    "Authorization",
    "Content-Type",
    "If-Match",
    "If-None-Match",
    "Idempotency-Key",
    "X-Request-ID",
)
EXPOSED_HEADERS: Final = (
    "ETag",
    "Location",
    "Link",
    "X-Request-ID",
    "Retry-After",
    "RateLimit-Limit",
    "RateLimit-Remaining",
    "RateLimit-Reset",
    "Idempotent-Replayed",
)


# Each request would ask for OpenTelemetry's providers, an eighth of what the smallest one costs.
# Nobody provides any, and what they would see of a request is FastAPI's part in it: none.
_NO_TELEMETRY: Final[TelemetryConfig] = {"tracing": False, "metrics": False, "logs": False}


class TodoApp(FastAPI):
    """FastAPI as the description and the front door; requests go the way of `stack`.

    `answer_unread` is for the server in front: what to send back for what is no request.
    `is_draining` is from it: whether each answer is to be the last one of its connection.
    """

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - FastAPI's own
        super().__init__(
            openapi_url=None, docs_url=None, redoc_url=None, telemetry=_NO_TELEMETRY, **options
        )
        self.stack: ASGIApp = self.router
        self.answer_unread: Callable[[TodoError], bytes] | None = None
        self.is_draining: Callable[[], bool] = lambda: False

    def build_middleware_stack(self) -> ASGIApp:
        async def by_type(scope: Scope, receive: Receive, send: Send) -> None:
            # FastAPI's router knows the lifespan, and turns web sockets away.
            if scope["type"] == "http":
                await self.stack(scope, receive, send)
            elif scope["type"] == "lifespan":
                await self.router(scope, receive, told_in_a_line(send))
            else:
                await self.router(scope, receive, send)

        return by_type

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            routes = [route for route in self.routes if isinstance(route, Operation)]
            self.openapi_schema = description.finished(super().openapi(), routes)
        return self.openapi_schema


def create_app(
    settings: Settings,
    *,
    contracts: Mapping[str, Contract] = CONTRACTS,
    is_checked: bool = False,
) -> TodoApp:
    """Assemble the application that `settings` describe; nothing is opened before its lifespan.

    `is_checked`: somebody has found the database well, or worth waiting for. Otherwise the lifespan
    refuses to start where waiting for it makes no sense.
    """
    served = [contracts[name] for name in settings.api_contracts]
    database = database_with(settings, pool_size=settings.db_pool_size + settings.db_max_overflow)
    secrets = secrets_of(settings)
    limiting = rate_limiting(settings)
    known = credentials(settings, secrets, database, limiting.attempts)
    app = TodoApp(
        title=TITLE,
        version=__version__,
        license_info=description.LICENSE,
        servers=list(description.SERVERS),
        lifespan=lifespan_of(
            settings,
            database,
            function_sets(contracts.values()),
            is_checked=is_checked,
            beside=partial(_open_beside, known, limiting),
        ),
    )
    sealing = Cursors(secrets.current)
    router = Router(
        present=served[0].present, debug=settings.debug, database_seconds=database.timeout_seconds
    )
    # `/api/tasks/tasks` is the list of a user called "tasks": no task has such an id.
    for contract in sorted(served, key=lambda each: OWNER not in each.family):
        services: dict[Service, object] = {
            task_functions: database.tasks(contract.shape),
            search_functions: database.search(contract.shape),
            cursors: sealing,
            accounts: known.accounts,
        }
        operations = [
            Operation(
                route,
                authenticate=known.authenticate,
                services=services,
                gates=limiting.gates,
            )
            for route in contract.routes
        ]
        router.add(operations, present=contract.present)
        app.router.routes += operations
    others = utility.operations(
        database,
        contracts=settings.api_contracts,
        errors=served[0].describe(*description.ANYWHERE),
        checks=(*known.checks, *limiting.checks),
        has_docs=settings.docs_enabled,
        is_draining=lambda: app.is_draining(),  # noqa: PLW0108 - it is set later
    )
    if settings.docs_enabled:
        others += docs.operations(app.openapi, title=TITLE)
    router.add(others, present=served[0].present)
    app.router.routes += others
    app.stack = shell = _wrapped(router, settings, limiting.client_of)
    say = served[0].present
    app.answer_unread = lambda error: shell.to_no_request(say(error), error)
    return app


@asynccontextmanager
async def _open_beside(known: Credentials, limiting: RateLimiting) -> AsyncIterator[None]:
    async with AsyncExitStack() as stack:
        stack.push_async_callback(known.close)
        stack.push_async_callback(limiting.limiter.close)
        await limiting.limiter.open()
        yield


def _wrapped(router: Router, settings: Settings, client_of: ClientAddress) -> Shell:
    cors = CORSMiddleware(
        router,
        allow_origins=settings.allowed_origins,
        allow_methods=METHODS,
        allow_headers=REQUEST_HEADERS,
        expose_headers=EXPOSED_HEADERS,
        allow_credentials=True,
    )
    return Shell(
        cors,
        log=RequestLog(),
        client_of=client_of,
        https=settings.environment == "production",
    )
