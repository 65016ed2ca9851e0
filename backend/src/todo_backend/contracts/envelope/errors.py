"""How the `envelope` contract says what went wrong."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from todo_backend.contracts.envelope.schemas import Code, Failure
from todo_backend.model import errors as facts
from todo_backend.model.errors import FieldError, Rule, TodoError
from todo_backend.web.answer import Answer, json_answer
from todo_backend.web.errors import headers_of, shown
from todo_backend.web.openapi import ANYWHERE, LIMITED, ErrorResponses

Said = tuple[int, Code, str]

_SAID: Final[Mapping[type[TodoError], Said]] = MappingProxyType(
    {
        facts.CredentialMissing: (
            401,
            "AUTH_MISSING_HEADER",
            "Send the header Authorization: Bearer <token>",
        ),
        facts.TokenInvalid: (401, "AUTH_INVALID_TOKEN", "The token is not valid"),
        facts.TokenExpired: (401, "AUTH_EXPIRED_TOKEN", "The token has expired"),
        facts.SignatureInvalid: (
            401,
            "AUTH_INVALID_CREDENTIALS",
            "The signature of the token does not verify",
        ),
        facts.WrongUser: (403, "AUTH_USER_MISMATCH", "The token belongs to another user"),
        facts.RouteNotFound: (404, "RESOURCE_NOT_FOUND", "There is nothing at this address"),
        facts.TaskNotFound: (404, "RESOURCE_NOT_FOUND", "Task not found"),
        facts.MethodNotAllowed: (
            405,
            "RESOURCE_METHOD_NOT_ALLOWED",
            "This address does not take this method",
        ),
        facts.IdempotencyKeyInUse: (
            409,
            "RESOURCE_CONFLICT",
            "The first request with this Idempotency-Key is still running",
        ),
        facts.PreconditionFailed: (
            412,
            "RESOURCE_CONFLICT",
            "The task has changed since the version that If-Match names",
        ),
        facts.RequestMalformed: (
            400,
            "VALIDATION_INVALID_FORMAT",
            "This is not a valid HTTP request",
        ),
        facts.BodyMalformed: (400, "VALIDATION_INVALID_FORMAT", "The body is not valid JSON"),
        facts.ContentTooLarge: (413, "VALIDATION_INVALID_FORMAT", "The body is too large"),
        facts.TargetTooLong: (414, "VALIDATION_INVALID_FORMAT", "The address is too long"),
        facts.MediaTypeUnsupported: (
            415,
            "VALIDATION_INVALID_FORMAT",
            "The body must be application/json in UTF-8, without a content encoding",
        ),
        facts.RateLimited: (
            429,
            "SYSTEM_RATE_LIMIT_EXCEEDED",
            "Too many requests, try again later",
        ),
        facts.HeadersTooLarge: (431, "VALIDATION_INVALID_FORMAT", "The headers are too large"),
        facts.DatabaseUnavailable: (
            503,
            "SYSTEM_DATABASE_ERROR",
            "The database can't be reached, try again soon",
        ),
        facts.KeysUnavailable: (
            503,
            "AUTH_KEYS_UNAVAILABLE",
            "The token can't be verified right now, try again soon",
        ),
        facts.Overloaded: (503, "SYSTEM_DATABASE_ERROR", "The server is busy, try again soon"),
        facts.Unexpected: (500, "SYSTEM_INTERNAL_ERROR", "An unexpected error occurred"),
    }
)
_KEY: Final = "Idempotency-Key"
_OF_KEYS: Final[Mapping[type[TodoError], tuple[int, FieldError]]] = MappingProxyType(
    {
        facts.IdempotencyKeyMalformed: (
            400,
            FieldError(_KEY, Rule.FORMAT, "must be one value of 1 to 255 visible ASCII characters"),
        ),
        facts.IdempotencyKeyReused: (
            422,
            FieldError(_KEY, Rule.FORMAT, "was sent with another request before"),
        ),
    }
)
_RULES: Final[Mapping[Rule, Code]] = MappingProxyType(
    {
        Rule.REQUIRED: "VALIDATION_REQUIRED_FIELD",
        Rule.TOO_LONG: "VALIDATION_FIELD_TOO_LONG",
        Rule.OUT_OF_RANGE: "VALIDATION_OUT_OF_RANGE",
        Rule.FORMAT: "VALIDATION_INVALID_FORMAT",
    }
)


def present(error: TodoError) -> Answer:
    """Say `error`, with the headers that HTTP wants for its status."""
    details: dict[str, Any] | None = None
    code: Code
    if isinstance(error, facts.Invalid):
        first = error.errors[0]
        status, code = 422, _RULES[first.rule]
        message = f"{first.field} {first.constraint}"
        details = _problem(first)
        if len(error.errors) > 1:
            details["errors"] = [_problem(each) for each in error.errors]
    elif type(error) in _OF_KEYS:
        status, about_key = _OF_KEYS[type(error)]
        code, message = _RULES[about_key.rule], f"{about_key.field} {about_key.constraint}"
        details = _problem(about_key)
    else:
        status, code, message = _SAID[type(error)]
    if isinstance(error, facts.Unexpected) and error.cause is not None:
        details = {"type": type(error.cause).__name__, "message": str(error.cause)}
    said: dict[str, Any] = {"code": code, "message": message}
    if details is not None:
        said["details"] = details
    return json_answer(status, {"success": False, "error": said}, *headers_of(error))


def _problem(error: FieldError) -> dict[str, Any]:
    return {
        "field": error.field,
        "value": shown(error.value),
        "constraint": error.constraint,
    }


_TITLE: Final = "must be between 1 and 255 characters"
_ALWAYS: Final = (
    *ANYWHERE,
    LIMITED,
    facts.CredentialMissing(""),
    facts.TokenInvalid(""),
    facts.TokenExpired(""),
    facts.SignatureInvalid(""),
    facts.WrongUser(),
    facts.KeysUnavailable(""),
    facts.DatabaseUnavailable(""),
)
_BODY: Final = (
    facts.BodyMalformed(),
    facts.MediaTypeUnsupported(),
    facts.Invalid(FieldError("title", Rule.REQUIRED, "is required")),
    facts.Invalid(FieldError("title", Rule.TOO_LONG, _TITLE, "a" * 100)),
    facts.Invalid(FieldError("title", Rule.FORMAT, "must be a string", 5)),
)
_ID: Final = facts.Invalid(FieldError("id", Rule.FORMAT, "must be a whole number", "1.5"))
_ONE: Final = (facts.TaskNotFound(0), _ID)
_COMPLETED: Final = facts.Invalid(
    FieldError("completed", Rule.FORMAT, "must be true or false", "yes")
)

describe: Final = ErrorResponses(present, model=Failure, code_at=("error", "code"))
LIST: Final = describe(
    *_ALWAYS,
    facts.Invalid(FieldError("limit", Rule.OUT_OF_RANGE, "must be between 1 and 100", "0")),
    facts.Invalid(
        FieldError("status", Rule.FORMAT, "must be one of: all, pending, completed", "done")
    ),
)
CREATE: Final = describe(
    *_ALWAYS,
    *_BODY,
    facts.IdempotencyKeyMalformed(),
    facts.IdempotencyKeyInUse(),
    facts.IdempotencyKeyReused(),
)
GET: Final = describe(*_ALWAYS, *_ONE)
PUT: Final = describe(*_ALWAYS, *_ONE, *_BODY, facts.PreconditionFailed())
DELETE: Final = describe(*_ALWAYS, *_ONE, facts.PreconditionFailed())
COMPLETE: Final = describe(
    *_ALWAYS,
    *_ONE,
    facts.BodyMalformed(),
    facts.MediaTypeUnsupported(),
    _COMPLETED,
    facts.PreconditionFailed(),
)
