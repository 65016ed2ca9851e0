"""What `/openapi.json` says beyond the signatures: answers, their headers and their examples."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
from fastapi.routing import APIRoute
from pydantic import BaseModel

from todo_backend.model import errors as facts
from todo_backend.model.errors import (
    IdempotencyKeyMalformed,
    IdempotencyKeyReused,
    Invalid,
    TodoError,
)
from todo_backend.web.answer import Answer

Responses = dict[int | str, dict[str, Any]]

_DESCRIPTION: Final = """The backend of a todo application: everybody has tasks, and sees no others.

Send `Authorization: Bearer <token>` with a token {issuer}{owner}. \
Bodies are JSON in UTF-8. Every answer carries `X-Request-ID`: quote it
when something goes wrong.

A single task carries an `ETag`. Send it back as `If-Match` to change the task only if nobody else
has, or as `If-None-Match` to be told that nothing has changed. Without these headers the last
writer wins, field by field.

Where requests are counted, `RateLimit-Remaining` says how many are left of `RateLimit-Limit`, and
`RateLimit-Reset` after how many seconds all of them are. Then comes 429.
"""
_ELSEWHERE: Final = "from Better Auth"
_HERE_TOO: Final = "from `signUp`, `signIn` or `refreshTokens`,\nor one from Better Auth"
_OWNER: Final = """; the `user_id` in a path is the
user that the token names"""
_BEARER: Final = "A token {issuer}. Its `sub` (or `user_id`) is the user."
AUTH: Final = "auth"
TAGS: Final = (
    {"name": AUTH, "description": "Accounts of this backend, and the tokens of their sessions."},
    {"name": "tasks", "description": "A user's own tasks."},
    {"name": "utility", "description": "What this server is and how it is. No token needed."},
)
SERVERS: Final = ({"url": "/", "description": "This deployment."},)
LICENSE: Final = {"name": "MIT", "identifier": "MIT"}
SECURITY: Final = "bearerAuth"
_JSON: Final = "application/json"
# All of ours are whole.
_BOUNDS: Final = ("minimum", "maximum")
_PLACES: Final = ("path", "query", "header")
_PARAMETER: Final = re.compile(r"\{([a-z_]+)\}")

_REPLAYED: Final = "Idempotent-Replayed"
_HEADERS: Final[Mapping[str, tuple[str, dict[str, Any]]]] = {
    "X-Request-ID": (
        "Names this request in the server's log: the client's own id, if it sent a fit one.",
        {"pattern": "^[A-Za-z0-9._-]{1,128}$", "examples": ["7f9c2ba4e88f827d616045507605853e"]},
    ),
    "ETag": (
        "The version of what is returned, for `If-Match` and `If-None-Match`.",
        {"examples": ['"e-660c315273f1f"']},
    ),
    "Location": ("The path of the new task.", {"examples": ["/api/user_123/tasks/1"]}),
    _REPLAYED: (
        "There where this is the answer of an earlier request with the same `Idempotency-Key`.",
        {"const": "true"},
    ),
    "WWW-Authenticate": (
        "The credential that is wanted; with `error` where a token was sent (RFC 6750).",
        {"examples": ["Bearer", 'Bearer error="invalid_token"']},
    ),
    "Allow": ("The methods that this address takes.", {"examples": ["GET, HEAD, OPTIONS, POST"]}),
    "Accept": ("The media type that this address takes.", {"const": _JSON}),
    "Retry-After": (
        "Try again after so many seconds.",
        {"type": "integer", "minimum": 0, "examples": [1]},
    ),
    "RateLimit-Limit": (
        "How many requests the limit allows that is reached first.",
        {"type": "integer", "minimum": 1, "examples": [6000]},
    ),
    "RateLimit-Remaining": (
        "How many of them are left.",
        {"type": "integer", "minimum": 0, "examples": [0]},
    ),
    "RateLimit-Reset": (
        "After so many seconds all of them are.",
        {"type": "integer", "minimum": 1, "examples": [12]},
    ),
}
# What our own answers carry that a client may want to read.
_DOCUMENTED: Final = {name.lower().encode(): name for name in _HEADERS}
# Spelled out because the phrases of `http.HTTPStatus` change from one Python to the next.
_MEANING: Final[Mapping[int, str]] = {
    400: "The body is not valid JSON, or a header is not as it has to be.",
    401: "There is no token, or not a good one.",
    403: "The token belongs to another user than the path names.",
    404: "The user has no such task.",
    405: "This address does not take this method.",
    409: "It conflicts with what is there already, or under way. It has changed nothing.",
    412: "The task is not at a version that `If-Match` names. Nothing has changed.",
    413: "The body is too large.",
    414: "The address is too long.",
    415: "The body is not plain JSON in UTF-8.",
    422: "A value breaks a rule. Nothing has changed.",
    429: "It has been asked too often.",
    431: "The headers are too large.",
    500: "A defect of the server.",
    503: "What the server needs is away, its database or the keys of tokens; or it is busy. The "
    "same request may work soon.",
}

READ: Final = ("ETag",)
LISTED: Final = ("ETag",)
CREATED: Final = ("ETag", "Location", _REPLAYED)

LIMITED: Final = facts.RateLimited(6000, retry_after_seconds=12)
"""A sample of what every route with a limit can answer with."""

ANYWHERE: Final[tuple[TodoError, ...]] = (
    facts.MethodNotAllowed(frozenset()),
    facts.ContentTooLarge(0),
    facts.TargetTooLong(),
    facts.HeadersTooLarge(),
    facts.Unexpected(None),
)
"""One sample of each error that any address can answer with."""


def header_refs(names: Iterable[str]) -> dict[str, Any]:
    """Refer to the headers, and to the one that every response has."""
    return {name: {"$ref": f"#/components/headers/{name}"} for name in (*names, "X-Request-ID")}


NOT_MODIFIED: Final[Responses] = {
    304: {
        "description": "Nothing has changed since a version that `If-None-Match` names.",
        "headers": header_refs(READ),
    }
}

GONE: Final[Responses] = {204: {"description": "The task is gone.", "headers": header_refs(())}}


def documented(
    status: int,
    model: type[BaseModel],
    *,
    description: str,
    example: Mapping[str, Any] | list[Any],
    headers: Iterable[str] = (),
) -> Responses:
    """Describe what a route answers at `status`."""
    answer = {
        "model": model,
        "description": description,
        "headers": header_refs(headers),
        "content": {_JSON: {"example": example}},
    }
    return {status: answer}


@dataclass(frozen=True, slots=True)
class ErrorResponses:
    """Describes errors by having the contract say them, so the examples are what is sent.

    `code_at` is the path to the code in the body, which names the example.
    """

    present: Callable[[TodoError], Answer]
    model: type[BaseModel]
    code_at: tuple[str, ...]

    def __call__(self, *samples: TodoError) -> Responses:
        responses: Responses = {}
        for sample in samples:
            answer = self.present(sample)
            response = responses.setdefault(answer.status, self._empty(answer))
            example = orjson.loads(answer.body)
            examples = response["content"][_JSON]["examples"]
            examples[self._name(sample, example)] = {"value": example}
        return responses

    def _empty(self, answer: Answer) -> dict[str, Any]:
        carried = [_DOCUMENTED[name] for name, _ in answer.headers if name in _DOCUMENTED]
        return {
            "model": self.model,
            "description": _MEANING[answer.status],
            "headers": header_refs(carried),
            "content": {_JSON: {"examples": {}}},
        }

    def _name(self, sample: TodoError, body: Any) -> str:  # noqa: ANN401 - any JSON
        for key in self.code_at:
            body = body[key]
        match sample:
            case Invalid():
                return f"{body} ({sample.errors[0].field})"
            case IdempotencyKeyMalformed() | IdempotencyKeyReused():
                return f"{body} (Idempotency-Key)"
        return str(body)


def finished(document: dict[str, Any], routes: Iterable[APIRoute]) -> dict[str, Any]:
    """Complete the document that FastAPI has made of `routes`, in place.

    Every operation says whether it wants a token; the parameters stand in the order of the path.
    """
    routes = [route for route in routes if route.include_in_schema]
    _introduce(document, routes)
    document["security"] = [{SECURITY: []}]
    document["components"]["headers"] = {
        name: {
            "description": description,
            "required": name != _REPLAYED,
            "schema": {"type": "string"} | schema,
        }
        for name, (description, schema) in _HEADERS.items()
    }
    for route in routes:
        for method in route.methods or ():
            _finish_operation(document["paths"][route.path][method.lower()], route)
    _tidy(document)
    return document


def _introduce(document: dict[str, Any], routes: Sequence[APIRoute]) -> None:
    """Say in the beginning what this deployment serves, and nothing of what it doesn't."""
    used = {tag for route in routes for tag in route.tags}
    document["tags"] = [tag for tag in TAGS if tag["name"] in used]
    has_owner = any("{user_id}" in route.path for route in routes)
    issuer = _HERE_TOO if AUTH in used else _ELSEWHERE
    document["info"]["description"] = _DESCRIPTION.format(
        issuer=issuer, owner=_OWNER if has_owner else ""
    )
    scheme = document["components"]["securitySchemes"][SECURITY]
    scheme["description"] = _BEARER.format(issuer=issuer.replace("\n", " "))
    # FastAPI's own, which nothing refers to where every operation describes its errors.
    for name in ("HTTPValidationError", "ValidationError"):
        document["components"]["schemas"].pop(name, None)


def _finish_operation(operation: dict[str, Any], route: APIRoute) -> None:
    operation.setdefault("security", [])
    operation["summary"] = _sentence(operation["operationId"])
    in_path = _PARAMETER.findall(route.path)
    operation.get("parameters", []).sort(
        key=lambda found: (
            _PLACES.index(found["in"]),
            in_path.index(found["name"]) if found["in"] == "path" else 0,
        )
    )
    responses = operation["responses"]
    # FastAPI's guess about a route with a parameter; a condition breaks no rule.
    for status in responses.keys() - {*map(str, route.responses)}:
        del responses[status]
    for status, described in route.responses.items():
        for media_type, content in described.get("content", {}).items():
            # FastAPI takes every null out, those in examples too.
            shown = {key: content[key] for key in ("example", "examples") if key in content}
            responses[str(status)]["content"][media_type] |= shown
    operation["responses"] = dict(sorted(responses.items()))


def _sentence(operation_id: str) -> str:
    """Make "List tasks" of "listTasks"."""
    return re.sub("[A-Z]", lambda capital: f" {capital[0].lower()}", operation_id).capitalize()


def _tidy_parameter(parameter: dict[str, Any]) -> None:
    schema = parameter["schema"]
    for repeated in ("title", "description"):
        schema.pop(repeated, None)
    if parameter["in"] == "path":
        # Here a page for trying it out takes it from. A condition should not be filled in for free.
        parameter["example"] = schema.pop("examples")[0]


def _tidy(node: object) -> None:
    """Take out what pydantic adds by itself: titles made of field names, and 1.0 for 1."""
    if isinstance(node, list):
        for each in node:
            _tidy(each)
    if isinstance(node, dict):
        for schema in node.get("properties", {}).values():
            schema.pop("title", None)
        if "in" in node:
            _tidy_parameter(node)
        node |= {rule: int(node[rule]) for rule in _BOUNDS if rule in node}
        for key in node.keys() - {"example", "examples"}:
            _tidy(node[key])
