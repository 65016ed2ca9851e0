"""The endpoints that belong to no contract and want no token."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Literal

from pydantic import BaseModel

from todo_backend import __version__
from todo_backend.database.database import Database
from todo_backend.web.answer import Answer, json_answer
from todo_backend.web.openapi import Responses, documented
from todo_backend.web.operation import Operation, Route

_TAGS: Final = ("utility",)


class Links(BaseModel):
    """Where to go from here."""

    docs: str
    redoc: str
    openapi: str
    health: str


class Index(BaseModel):
    """What this server is."""

    name: str
    version: str
    contracts: list[str]
    links: Links


class Healthy(BaseModel):
    """The database answers."""

    status: Literal["healthy"]
    database: Literal["connected"]
    timestamp: datetime


class Unhealthy(BaseModel):
    """The database does not answer."""

    status: Literal["unhealthy"]
    database: Literal["disconnected"]
    timestamp: datetime


class Alive(BaseModel):
    """The process runs; whether it can work is for `/health` to say."""

    status: Literal["alive"]


def operations(
    database: Database, *, contracts: Sequence[str], errors: Responses
) -> list[Operation]:
    """Make the utility endpoints of a deployment that serves `contracts`.

    `errors` documents what any address can answer.
    """
    links = Links(docs="/docs", redoc="/redoc", openapi="/openapi.json", health="/health")
    about = Index(
        name="todo-backend", version=__version__, contracts=list(contracts), links=links
    ).model_dump()

    async def index() -> Answer:
        """Tell what this server is and where its documentation stands."""
        return json_answer(200, about)

    async def health() -> Answer:
        """Tell whether the server can work: it asks the database."""
        is_connected = await database.is_connected()
        state = ("healthy", "connected") if is_connected else ("unhealthy", "disconnected")
        body = dict(zip(("status", "database"), state, strict=True))
        now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        headers = () if is_connected else ((b"retry-after", b"1"),)
        return json_answer(200 if is_connected else 503, {**body, "timestamp": now}, *headers)

    async def livez() -> Answer:
        """Tell that the process runs."""
        return json_answer(200, {"status": "alive"})

    routes = (
        Route("GET", "/", index, "getServerInfo", _index_answers(about) | errors, tags=_TAGS),
        Route("GET", "/health", health, "getHealth", _HEALTHY | _UNHEALTHY | errors, tags=_TAGS),
        Route("GET", "/livez", livez, "getLiveness", _ALIVE | errors, tags=_TAGS),
    )
    return [Operation(route) for route in routes]


def _index_answers(about: Mapping[str, Any]) -> Responses:
    return documented(200, Index, description="What this server is.", example=about)


_TIME: Final = "2026-01-09T10:00:00.123456Z"
_HEALTHY: Final = documented(
    200,
    Healthy,
    description="The database answers.",
    example={"status": "healthy", "database": "connected", "timestamp": _TIME},
)
_UNHEALTHY: Final = documented(
    503,
    Unhealthy,
    description="The database does not answer.",
    example={"status": "unhealthy", "database": "disconnected", "timestamp": _TIME},
    headers=("Retry-After",),
)
_ALIVE: Final = documented(200, Alive, description="The process runs.", example={"status": "alive"})
