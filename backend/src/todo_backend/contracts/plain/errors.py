"""How the `plain` contract says what went wrong."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from todo_backend.contracts.plain.schemas import DESCRIPTION_MAX, TITLE_MAX, Code, Failure
from todo_backend.model import errors as facts
from todo_backend.model.errors import FieldError, Rule, TodoError
from todo_backend.web.answer import Answer, json_answer
from todo_backend.web.errors import headers_of
from todo_backend.web.openapi import ANYWHERE, LIMITED, ErrorResponses, Responses

Said = tuple[int, Code, str]

_BAD_TOKEN: Final[Said] = (401, "UNAUTHORIZED", "Invalid or expired authentication token")
_SAID: Final[Mapping[type[TodoError], Said]] = MappingProxyType(
    {
        facts.RequestMalformed: (400, "VALIDATION_ERROR", "This is not a valid HTTP request"),
        facts.BodyMalformed: (400, "VALIDATION_ERROR", "The body is not valid JSON"),
        facts.CredentialMissing: (401, "UNAUTHORIZED", "Missing authentication token"),
        facts.TokenInvalid: _BAD_TOKEN,
        facts.TokenExpired: _BAD_TOKEN,
        facts.SignatureInvalid: _BAD_TOKEN,
        facts.WrongUser: (403, "FORBIDDEN", "Access denied: user_id mismatch"),
        facts.StrangersTask: (403, "FORBIDDEN", "Access denied: task belongs to another user"),
        facts.RouteNotFound: (404, "NOT_FOUND", "There is nothing at this address"),
        facts.MethodNotAllowed: (
            405,
            "METHOD_NOT_ALLOWED",
            "This address does not take this method",
        ),
        facts.IdempotencyKeyMalformed: (
            400,
            "VALIDATION_ERROR",
            "Idempotency-Key must be one value of 1 to 255 visible ASCII characters",
        ),
        facts.IdempotencyKeyInUse: (
            409,
            "CONFLICT",
            "The first request with this Idempotency-Key is still running",
        ),
        facts.IdempotencyKeyReused: (
            422,
            "VALIDATION_ERROR",
            "Another request was sent with this Idempotency-Key before",
        ),
        facts.PreconditionFailed: (
            412,
            "CONFLICT",
            "The task has changed since the version that If-Match names",
        ),
        facts.ContentTooLarge: (413, "VALIDATION_ERROR", "The body is too large"),
        facts.TargetTooLong: (414, "VALIDATION_ERROR", "The address is too long"),
        facts.MediaTypeUnsupported: (
            415,
            "VALIDATION_ERROR",
            "The body must be application/json in UTF-8, without a content encoding",
        ),
        facts.RateLimited: (429, "RATE_LIMITED", "Too many requests, try again later"),
        facts.HeadersTooLarge: (431, "VALIDATION_ERROR", "The headers are too large"),
        facts.Unexpected: (500, "SERVER_ERROR", "Internal server error"),
        facts.DatabaseUnavailable: (
            503,
            "SERVICE_UNAVAILABLE",
            "The database can't be reached, try again soon",
        ),
        facts.KeysUnavailable: (
            503,
            "SERVICE_UNAVAILABLE",
            "The token can't be verified right now, try again soon",
        ),
        facts.Overloaded: (503, "SERVICE_UNAVAILABLE", "The server is busy, try again soon"),
    }
)
# What is no field has no name that a sentence could start with.
_WHOLES: Final = {"body": "The body", "query": "The query"}


def present(error: TodoError) -> Answer:
    """Say `error`, with the headers that HTTP wants for its status. No value is repeated."""
    status, code, detail = _said(error)
    return json_answer(status, {"detail": detail, "code": code}, *headers_of(error))


def _said(error: TodoError) -> Said:
    if isinstance(error, facts.Invalid):
        return 400, "VALIDATION_ERROR", _sentence(error.errors[0])
    if type(error) is facts.TaskNotFound:
        return 404, "NOT_FOUND", f"Task with id {error.task_id} not found"
    return _SAID[type(error)]


def _sentence(error: FieldError) -> str:
    name = error.field.replace("_", " ")
    return f"{_WHOLES.get(error.field) or name[:1].upper() + name[1:]} {error.constraint}"


_TITLE: Final = f"must be between 1 and {TITLE_MAX} characters"
_DESCRIPTION: Final = f"must be at most {DESCRIPTION_MAX} characters"
_ALWAYS: Final = (
    *ANYWHERE,
    LIMITED,
    facts.CredentialMissing(""),
    facts.TokenInvalid(""),
    facts.WrongUser(),
    facts.KeysUnavailable(""),
    facts.DatabaseUnavailable(""),
)
_BODY: Final = (
    facts.BodyMalformed(),
    facts.MediaTypeUnsupported(),
    facts.Invalid(FieldError("title", Rule.TOO_LONG, _TITLE)),
    facts.Invalid(FieldError("description", Rule.TOO_LONG, _DESCRIPTION)),
)
_ONE: Final = (
    facts.TaskNotFound(999),
    facts.StrangersTask(999),
    facts.Invalid(FieldError("task_id", Rule.FORMAT, "must be a whole number")),
)
_COMPLETED: Final = facts.Invalid(FieldError("completed", Rule.FORMAT, "must be true or false"))

# What a status means where one of these is among its causes.
_MEANINGS: Final[Mapping[type[TodoError], str]] = MappingProxyType(
    {
        facts.Invalid: "A value breaks a rule. Nothing has changed.",
        facts.BodyMalformed: "The body is not valid JSON, or a value breaks a rule. "
        "Nothing has changed.",
        facts.StrangersTask: "The token belongs to another user than the path names, or the task "
        "does.",
        facts.TaskNotFound: "There is no such task.",
    }
)

# The examples are named by their sentences: many have the same code.
describe: Final = ErrorResponses(present, model=Failure, code_at=("detail",))


def _described(*samples: TodoError) -> Responses:
    samples = (*_ALWAYS, *samples)
    responses = describe(*samples)
    causes = {type(sample): _said(sample)[0] for sample in samples}
    for cause, meaning in _MEANINGS.items():
        if cause in causes:
            responses[causes[cause]] |= {"description": meaning}
    return responses


LIST: Final = _described(
    facts.Invalid(FieldError("status", Rule.FORMAT, "must be one of: all, pending, completed")),
    facts.Invalid(FieldError("limit", Rule.FORMAT, "must be a whole number")),
)
CREATE: Final = _described(
    *_BODY,
    facts.Invalid(FieldError("title", Rule.REQUIRED, "is required")),
    facts.IdempotencyKeyMalformed(),
    facts.IdempotencyKeyInUse(),
    facts.IdempotencyKeyReused(),
)
GET: Final = _described(*_ONE)
PUT: Final = _described(*_ONE, *_BODY, _COMPLETED, facts.PreconditionFailed())
DELETE: Final = _described(*_ONE, facts.PreconditionFailed())
COMPLETE: Final = _described(
    *_ONE,
    facts.BodyMalformed(),
    facts.MediaTypeUnsupported(),
    _COMPLETED,
    facts.PreconditionFailed(),
)
