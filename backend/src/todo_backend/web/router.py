"""From a path and a method to an operation, and from whatever goes wrong to an answer.

Paths are matched as they were sent, segment by segment, and decoded afterwards: a user id may hold
a slash, and `%2F` in it must not become one in the path.
"""

import re
from collections.abc import Callable, Iterable
from typing import Final
from urllib.parse import quote, unquote_to_bytes

from starlette.types import Receive, Scope, Send

from todo_backend.database import allowance
from todo_backend.model.errors import MethodNotAllowed, RouteNotFound, TodoError
from todo_backend.web import errors, limits
from todo_backend.web.answer import NO_STORE, Answer, Reply, Streamed, cut_off
from todo_backend.web.call import RECORD, Call, Record
from todo_backend.web.operation import Operation

Present = Callable[[TodoError], Answer]
"""Says an error in the words of one contract."""

_PARAMETER: Final = re.compile(r"\{([a-z_]+)\}")


class Resource:
    """One path template, its operations by method, and how its contract says an error."""

    def __init__(self, template: str, present: Present) -> None:
        self.present = present
        self._template = template
        segments = template.split("/")
        matches = [_PARAMETER.fullmatch(segment) for segment in segments]
        self._parameters = [(at, match[1]) for at, match in enumerate(matches) if match]
        self._literals = [(at, segments[at]) for at, match in enumerate(matches) if not match]
        self.length = len(segments)
        self._operations: dict[str, Operation] = {}
        self._labels: dict[str, str] = {}

    def add(self, operation: Operation) -> None:
        for method in operation.methods or ():
            # RFC 9110, section 9.3.2: HEAD is GET without the content.
            for name in (method, "HEAD") if method == "GET" else (method,):
                self._operations[name] = operation
                self._labels[name] = f"{name} {self._template}"

    def match(self, segments: list[str]) -> dict[str, str] | None:
        """Return the decoded parameters, or None if this is not the path."""
        for at, literal in self._literals:
            if segments[at] != literal:
                return None
        found = {}
        for at, name in self._parameters:
            segment = segments[at]
            if not segment:
                return None
            found[name] = _decode(segment) if "%" in segment else segment
        return found

    async def answer(self, call: Call) -> Reply:
        """Raises: MethodNotAllowed, and whatever the operation raises."""
        method: str = call.scope["method"]
        operation = self._operations.get(method)
        call.record.route = self._labels.get(method) or f"{method} {self._template}"
        if operation is not None:
            return await operation.answer(call)
        allowed = frozenset({*self._operations, "OPTIONS"})
        if method == "OPTIONS":
            return Answer(204, headers=(errors.allow_header(allowed), NO_STORE))
        raise MethodNotAllowed(allowed)


class Router:
    """The innermost ASGI application: every request gets exactly one answer from it.

    A request may wait `database_seconds` for the database, all of its waits together.
    """

    def __init__(self, *, present: Present, debug: bool, database_seconds: float) -> None:
        self._present = present
        self._debug = debug
        self._database_seconds = database_seconds
        self._resources: dict[str, Resource] = {}
        self._by_length: dict[int, list[Resource]] = {}

    def add(self, operations: Iterable[Operation], *, present: Present) -> None:
        """Serve `operations`, whose errors `present` says. Earlier templates match first."""
        for operation in operations:
            resource = self._resources.get(operation.path)
            if resource is None:
                resource = self._resources[operation.path] = Resource(operation.path, present)
                self._by_length.setdefault(resource.length, []).append(resource)
            resource.add(operation)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        before = allowance.begin(self._database_seconds)
        try:
            await self._handle(scope, receive, send)
        finally:
            allowance.end(before)

    async def _handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        record: Record = scope[RECORD]
        resource, parameters = self._find(scope)
        call = Call(scope, receive, path=parameters, record=record)
        present = self._present if resource is None else resource.present
        answer = await errors.answered(
            call, lambda: self._answer(call, resource), present=present, debug=self._debug
        )
        if isinstance(answer, Streamed):
            await self._stream(answer, call, send, present=present)
        elif answer is not None:
            is_sending = answer.closes and not call.has_arrived
            await answer.send(send, lingering=receive if is_sending else None)

    async def _stream(self, reply: Streamed, call: Call, send: Send, *, present: Present) -> None:
        # How long a list takes is its client's affair; each of its chunks has a time of its own.
        allowance.lift()
        with_body = call.scope["method"] != "HEAD"
        failure = await errors.answered(
            call,
            lambda: reply.send(send, call.receive, with_body=with_body),
            present=present,
            debug=self._debug,
        )
        if failure is not None:
            # Too late to say it.
            await cut_off(call.scope, call.receive)

    async def _answer(self, call: Call, resource: Resource | None) -> Reply:
        await limits.check(call)
        if resource is None:
            raise RouteNotFound
        return await resource.answer(call)

    def _find(self, scope: Scope) -> tuple[Resource | None, dict[str, str]]:
        segments = _raw_path(scope).split("/")
        if len(segments) > 1 and not segments[-1] and segments[-2]:
            # A redirect would make some clients drop the Authorization header.
            segments.pop()
        for resource in self._by_length.get(len(segments), ()):
            parameters = resource.match(segments)
            if parameters is not None:
                return resource, parameters
        return None, {}


def _raw_path(scope: Scope) -> str:
    raw: bytes | None = scope.get("raw_path")
    if raw is None:  # optional in ASGI
        return quote(scope["path"])
    return raw.decode("ascii", errors="replace")


def _decode(segment: str) -> str:
    return unquote_to_bytes(segment).decode(errors="surrogateescape")
