"""One method of one path: what FastAPI describes, run in the order that every contract promises.

A route is an ordinary FastAPI path operation, and `/openapi.json` is FastAPI's reading of its
signature. FastAPI doesn't run it, though. Its own machinery reads and validates the body before it
asks who is calling, and costs more than the query (docs/adr/0002); so the signature is read once,
at start, into the few steps below.
"""

import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Annotated, Any, Protocol, Self, get_args, get_origin

from fastapi.params import Body as BodyParameter
from fastapi.params import Depends as Dependency
from fastapi.params import Query as QueryParameter
from fastapi.routing import APIRoute
from pydantic import BaseModel

from todo_backend.model.errors import FieldError, Invalid, Rule, TaskNotFound, WrongUser
from todo_backend.model.principal import Principal
from todo_backend.model.task import TaskId
from todo_backend.web import body, fields, parameters
from todo_backend.web.answer import Reply
from todo_backend.web.body import NO_BODY, NoBody
from todo_backend.web.call import Call
from todo_backend.web.client_address import subscriber
from todo_backend.web.openapi import Responses
from todo_backend.web.rate_limits import TASKS, Budget, Gates
from todo_backend.web.signature import HEADERS, OWNER, PRINCIPALS, Service, leaver, owner

Endpoint = Callable[..., Awaitable[Reply]]


class Authenticate(Protocol):
    """Says who is calling."""

    async def __call__(self, call: Call, *, with_ended_session: bool = False) -> Principal:
        """Raise a kind of Unauthenticated, or DatabaseUnavailable where nobody can tell.

        `with_ended_session`: a token is good although its session has been ended.
        """
        ...


class QueryModel(Protocol):
    """A model of the query, documented by its fields, that knows how to read itself."""

    @classmethod
    def read(cls, raw: bytes) -> Self:
        """Read the query string, still encoded. Raises: Invalid."""
        ...


_Read = Callable[[Call], object]


@dataclass(frozen=True, slots=True)
class Route:
    """A method of a path, the function that answers, and what is documented of its answers.

    `status` is that of success, whose body `answers` describes with the rest. `budget` is what its
    requests are counted as, where there are limits.
    """

    method: str
    path: str
    endpoint: Endpoint
    operation_id: str
    answers: Responses = field(default_factory=dict)
    status: int = 200
    tags: tuple[str, ...] = ("tasks",)
    budget: Budget = TASKS
    is_documented: bool = True


class Operation(APIRoute):
    """A route with the steps that run it, over the `services` that its signature asks for."""

    def __init__(
        self,
        route: Route,
        *,
        authenticate: Authenticate | None = None,
        services: Mapping[Service, object] = MappingProxyType({}),
        gates: Gates = MappingProxyType({}),
    ) -> None:
        super().__init__(
            route.path,
            route.endpoint,
            methods=[route.method],
            operation_id=route.operation_id,
            status_code=route.status,
            responses=route.answers,
            response_model=None,
            tags=list(route.tags),
            include_in_schema=route.is_documented,
        )
        self._endpoint = route.endpoint
        self._authenticate = authenticate
        self._gate = gates.get(route.budget)
        self._steps = _Steps(route.endpoint, services)
        if self._steps.principal is not None and authenticate is None:
            raise TypeError(f"{route.operation_id} has a caller and nobody who says who it is")

    async def answer(self, call: Call) -> Reply:
        """Run the steps up to the first refusal, which is raised."""
        steps = self._steps
        values = dict(steps.constants)
        gate, turn = self._gate, None
        if gate is not None and gate.is_by_client:
            turn = await gate.enter(call, subscriber(call.record.client))
        if steps.principal is not None and self._authenticate is not None:
            principal = await self._authenticate(call, with_ended_session=steps.with_ended_session)
            call.record.user_id = principal.user_id
            if steps.is_owner and call.path[OWNER] != principal.user_id:
                raise WrongUser
            if gate is not None and not gate.is_by_client:
                turn = await gate.enter(call, principal.user_id)
            values[steps.principal] = principal
        data = await body.read_json(call) if steps.body is not None else NO_BODY
        self._validate(call, data, values)
        reply = await self._endpoint(**values)
        if gate is not None and turn is not None:
            await gate.leave(call, turn, reply.status)
        return reply

    def _validate(self, call: Call, data: object, values: dict[str, object]) -> None:
        errors: list[FieldError] = []
        impossible: TaskNotFound | None = None
        for name, read in self._steps.reads:
            try:
                values[name] = read(call)
            except Invalid as error:
                errors += error.errors
            except TaskNotFound as error:
                # That no row can have this id is for after the validation of the rest.
                impossible = error
        if self._steps.body is not None:
            try:
                values[self._steps.body.name] = self._steps.body.read(data)
            except Invalid as error:
                errors += error.errors
        if errors:
            raise Invalid(*errors)
        if impossible is not None:
            raise impossible


class _BodyStep:
    """Reads the parsed body as `model`; an absent one is None where the route allows that."""

    def __init__(self, name: str, model: type[BaseModel], *, required: bool) -> None:
        self.name = name
        self._model = model
        self._required = required

    def read(self, data: object) -> BaseModel | None:
        if not isinstance(data, NoBody):
            return fields.validate(self._model, data)
        if self._required:
            raise Invalid(FieldError("body", Rule.REQUIRED, "is required"))
        return None


class _Steps:
    """What a route's signature asks for, sorted by when it is found out."""

    def __init__(self, endpoint: Endpoint, services: Mapping[Service, object]) -> None:
        self.principal: str | None = None
        self.is_owner = False
        self.with_ended_session = False
        self.body: _BodyStep | None = None
        self.reads: list[tuple[str, _Read]] = []
        self.constants: dict[str, object] = {}
        for name, parameter in inspect.signature(endpoint, eval_str=True).parameters.items():
            self._sort(name, parameter, services)

    def _sort(
        self,
        name: str,
        parameter: inspect.Parameter,
        services: Mapping[Service, object],
    ) -> None:
        kind, marker = _annotation(parameter)
        if isinstance(marker, Dependency):
            self._sort_dependency(name, marker.dependency, services)
        elif isinstance(marker, QueryParameter):
            self.reads.append((name, _reader_of(kind)))
        elif isinstance(marker, BodyParameter):
            required = parameter.default is inspect.Parameter.empty
            self.body = _BodyStep(name, _model_of(kind), required=required)
        else:
            path_name = getattr(marker, "alias", None) or name
            self.reads.append((name, lambda call: _task_id(call, path_name)))

    def _sort_dependency(
        self,
        name: str,
        dependency: Callable[..., object] | None,
        services: Mapping[Service, object],
    ) -> None:
        if dependency in PRINCIPALS:
            self.principal = name
            self.is_owner = dependency is owner
            self.with_ended_session = dependency is leaver
        elif dependency in HEADERS:
            self.reads.append((name, HEADERS[dependency]))
        elif dependency is not None:
            self.constants[name] = services[dependency]


def _annotation(parameter: inspect.Parameter) -> tuple[Any, object]:
    """Return the type and the FastAPI marker of a parameter; None where it has no marker."""
    if get_origin(parameter.annotation) is Annotated:
        kind, *metadata = get_args(parameter.annotation)
        return kind, metadata[-1]
    return parameter.annotation, None


def _reader_of(model: type[QueryModel]) -> _Read:
    default = model.read(b"")

    def read(call: Call) -> object:
        raw: bytes = call.scope["query_string"]
        return model.read(raw) if raw else default

    return read


def _model_of(kind: Any) -> type[BaseModel]:  # noqa: ANN401 - a model, or its union with None
    parts = get_args(kind) or (kind,)
    (model,) = [part for part in parts if inspect.isclass(part) and issubclass(part, BaseModel)]
    return model


def _task_id(call: Call, name: str) -> TaskId:
    return TaskId(parameters.task_id(call.path[name], field=name))
