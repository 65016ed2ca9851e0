"""The endpoints that belong to no contract and want no token."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal

from pydantic import BaseModel, Field, RootModel
from pydantic.json_schema import SkipJsonSchema

from todo_backend import __version__
from todo_backend.database.database import Database
from todo_backend.web.answer import Answer, json_answer
from todo_backend.web.moments import spell
from todo_backend.web.openapi import Responses, documented
from todo_backend.web.operation import Operation, Route

_TAGS: Final = ("utility",)


class Links(BaseModel):
    """Where to go from here; some deployments serve no documentation."""

    docs: str | SkipJsonSchema[None] = None
    redoc: str | SkipJsonSchema[None] = None
    openapi: str | SkipJsonSchema[None] = None
    health: str


class Index(BaseModel):
    """What this server is."""

    name: str
    version: str
    contracts: list[str]
    links: Links


class Healthy(BaseModel):
    """The database answers, and nothing else is in trouble."""

    status: Literal["healthy"]
    database: Literal["connected"]
    timestamp: datetime


class Degraded(BaseModel):
    """The database answers; `degraded` names what else is in trouble."""

    status: Literal["degraded"]
    database: Literal["connected"]
    degraded: list[str] = Field(min_length=1, examples=[["signing keys"]])
    timestamp: datetime


class Working(RootModel[Healthy | Degraded]):
    """The server can work, perhaps not for everybody."""


class Unhealthy(BaseModel):
    """The database does not answer."""

    status: Literal["unhealthy"]
    database: Literal["disconnected"]
    timestamp: datetime


class Draining(BaseModel):
    """This server is about to stop: it still serves, but send new requests elsewhere."""

    status: Literal["draining"]
    database: Literal["connected", "disconnected"]
    timestamp: datetime


class NotReady(RootModel[Unhealthy | Draining]):
    """Send requests elsewhere, if there is another server."""


class Alive(BaseModel):
    """The process runs; whether it can work is for `/health` to say."""

    status: Literal["alive"]


@dataclass(frozen=True, slots=True)
class Check:
    """Something that the server can work without, though not as well as with it.

    `is_well` is asked with every `/health` and must answer at once; `name` is shown to anybody.
    """

    name: str
    is_well: Callable[[], bool]


def operations(  # noqa: PLR0913 - each is what deployments differ in
    database: Database,
    *,
    contracts: Sequence[str],
    errors: Responses,
    checks: Sequence[Check] = (),
    has_docs: bool = True,
    is_draining: Callable[[], bool] = lambda: False,
) -> list[Operation]:
    """Make the utility endpoints of a deployment that serves `contracts`.

    `errors` documents what any address can answer; `checks` are what `/health` asks beside the
    database. `has_docs`: there are documentation pages to name. `is_draining`: the server is about
    to stop.
    """
    links = Links(health="/health")
    if has_docs:
        links = Links(docs="/docs", redoc="/redoc", openapi="/openapi.json", health="/health")
    about = Index(
        name="todo-backend", version=__version__, contracts=list(contracts), links=links
    ).model_dump(exclude_none=True)

    async def index() -> Answer:
        """Tell what this server is and where its documentation stands."""
        return json_answer(200, about)

    async def health() -> Answer:
        """Tell whether the server can work: it asks the database, and what else there is."""
        is_connected = await database.is_connected()
        now = spell(datetime.now(UTC))
        if is_draining() or not is_connected:
            body = {
                "status": "draining" if is_draining() else "unhealthy",
                "database": "connected" if is_connected else "disconnected",
                "timestamp": now,
            }
            return json_answer(503, body, (b"retry-after", b"1"))
        degraded = [check.name for check in checks if not check.is_well()]
        state = {"status": "degraded", "degraded": degraded} if degraded else {"status": "healthy"}
        return json_answer(200, {**state, "database": "connected", "timestamp": now})

    async def livez() -> Answer:
        """Tell that the process runs."""
        return json_answer(200, {"status": "alive"})

    routes = (
        Route("GET", "/", index, "getServerInfo", _index_answers(about) | errors, tags=_TAGS),
        Route("GET", "/health", health, "getHealth", _WORKING | _UNHEALTHY | errors, tags=_TAGS),
        Route("GET", "/livez", livez, "getLiveness", _ALIVE | errors, tags=_TAGS),
    )
    return [Operation(route) for route in routes]


def _index_answers(about: Mapping[str, Any]) -> Responses:
    return documented(200, Index, description="What this server is.", example=about)


_TIME: Final = "2026-01-09T10:00:00.123456Z"
_WORKING: Final = documented(
    200,
    Working,
    description="The database answers. With `degraded`, something else that is named does not; "
    "what needs it is answered 503, and the rest is served.",
    example={"status": "healthy", "database": "connected", "timestamp": _TIME},
)
_UNHEALTHY: Final = documented(
    503,
    NotReady,
    description="The database does not answer; or the server is about to stop, which `draining` "
    "says, and serves what still comes.",
    example={"status": "unhealthy", "database": "disconnected", "timestamp": _TIME},
    headers=("Retry-After",),
)
_ALIVE: Final = documented(200, Alive, description="The process runs.", example={"status": "alive"})
