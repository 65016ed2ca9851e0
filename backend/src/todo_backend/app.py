"""How it is assembled: settings in, an application out."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from todo_backend import __version__
from todo_backend.contracts import CONTRACTS
from todo_backend.credentials import credentials
from todo_backend.database.database import Database
from todo_backend.lifespan import lifespan_of, told_in_a_line
from todo_backend.model.errors import RequestMalformed
from todo_backend.observability import AccessLog
from todo_backend.secret_file import secrets_of
from todo_backend.settings import Settings
from todo_backend.web import docs, utility
from todo_backend.web import openapi as description
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


class TodoApp(FastAPI):
    """FastAPI as the description and the front door; requests go the way of `stack`.

    `answer_malformed` is for the server in front: what to send back for bytes that are no request.
    """

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - FastAPI's own
        super().__init__(openapi_url=None, docs_url=None, redoc_url=None, **options)
        self.stack: ASGIApp = self.router
        self.answer_malformed: Callable[[], bytes] | None = None

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
    database = Database(
        pool_size=settings.db_pool_size + settings.db_max_overflow,
        timeout_seconds=settings.database_timeout_seconds,
        prepared_statements=settings.db_prepared_statements,
    )
    secrets = secrets_of(settings)
    known = credentials(settings, secrets, database)
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
            close=known.close,
        ),
    )
    sealing = Cursors(secrets.current)
    router = Router(present=served[0].present, debug=settings.debug)
    # `/api/tasks/tasks` is the list of a user called "tasks": no task has such an id.
    for contract in sorted(served, key=lambda each: OWNER not in each.family):
        services: dict[Service, object] = {
            task_functions: database.tasks(contract.shape),
            search_functions: database.search(contract.shape),
            cursors: sealing,
            accounts: known.accounts,
        }
        operations = [
            Operation(route, authenticate=known.authenticate, services=services)
            for route in contract.routes
        ]
        router.add(operations, present=contract.present)
        app.router.routes += operations
    others = utility.operations(
        database, contracts=settings.api_contracts, errors=served[0].describe(*description.ANYWHERE)
    )
    others += docs.operations(app.openapi, title=TITLE)
    router.add(others, present=served[0].present)
    app.router.routes += others
    app.stack = shell = _wrapped(router, settings)
    malformed = served[0].present(RequestMalformed())
    app.answer_malformed = lambda: shell.to_no_request(malformed)
    return app


def _wrapped(router: Router, settings: Settings) -> Shell:
    cors = CORSMiddleware(
        router,
        allow_origins=settings.allowed_origins,
        allow_methods=METHODS,
        allow_headers=REQUEST_HEADERS,
        expose_headers=EXPOSED_HEADERS,
        allow_credentials=True,
    )
    return Shell(cors, log=AccessLog(), https=settings.environment == "production")
