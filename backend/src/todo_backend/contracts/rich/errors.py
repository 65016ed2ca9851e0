"""How the `rich` contract says what went wrong."""

from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

from todo_backend.contracts.rich.schemas import DESCRIPTION_MAX, TITLE_MAX, Code, Failure
from todo_backend.model import errors as facts
from todo_backend.model.errors import FieldError, Rule, TodoError
from todo_backend.web.answer import Answer, json_answer
from todo_backend.web.cursors import CONSTRAINT, CURSOR
from todo_backend.web.errors import headers_of
from todo_backend.web.moments import SPELLING, spell
from todo_backend.web.openapi import ANYWHERE, LIMITED, ErrorResponses, Responses

Said = tuple[int, Code, str]

_FORMAT: Final[Code] = "VALIDATION_INVALID_FORMAT"
_SAID: Final[Mapping[type[TodoError], Said]] = MappingProxyType(
    {
        facts.RequestMalformed: (400, _FORMAT, "This is not a valid HTTP request"),
        facts.BodyMalformed: (400, _FORMAT, "The body is not valid JSON"),
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
        facts.IdempotencyKeyMalformed: (
            400,
            _FORMAT,
            "Idempotency-Key must be one value of 1 to 255 visible ASCII characters",
        ),
        facts.IdempotencyKeyInUse: (
            409,
            "RESOURCE_CONFLICT",
            "The first request with this Idempotency-Key is still running",
        ),
        facts.IdempotencyKeyReused: (
            422,
            _FORMAT,
            "Another request was sent with this Idempotency-Key before",
        ),
        facts.PreconditionFailed: (
            412,
            "RESOURCE_CONFLICT",
            "The task has changed since the version that If-Match names",
        ),
        facts.ContentTooLarge: (413, _FORMAT, "The body is too large"),
        facts.TargetTooLong: (414, _FORMAT, "The address is too long"),
        facts.MediaTypeUnsupported: (
            415,
            _FORMAT,
            "The body must be application/json in UTF-8, without a content encoding",
        ),
        facts.RateLimited: (
            429,
            "SYSTEM_RATE_LIMIT_EXCEEDED",
            "Too many requests, try again later",
        ),
        facts.HeadersTooLarge: (431, _FORMAT, "The headers are too large"),
        facts.Unexpected: (500, "SYSTEM_INTERNAL_ERROR", "An unexpected error occurred"),
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
    }
)
_RULES: Final[Mapping[Rule, Code]] = MappingProxyType(
    {
        Rule.REQUIRED: "VALIDATION_REQUIRED_FIELD",
        Rule.TOO_LONG: "VALIDATION_FIELD_TOO_LONG",
        Rule.OUT_OF_RANGE: "VALIDATION_OUT_OF_RANGE",
        Rule.FORMAT: _FORMAT,
    }
)
_EXAMPLE_TIME: Final = datetime(2026, 1, 9, 10, 0, 0, 123456, tzinfo=UTC)


def present(error: TodoError) -> Answer:
    """Say `error`, with the headers that HTTP wants for its status. No value is repeated."""
    return _presented(error, datetime.now(UTC))


def _presented(error: TodoError, now: datetime) -> Answer:
    status, code, detail = _said(error)
    content = {"detail": detail, "error_code": code, "timestamp": spell(now)}
    return json_answer(status, content, *headers_of(error))


def _said(error: TodoError) -> Said:
    if isinstance(error, facts.Invalid):
        broken = "; ".join(f"{each.field} {each.constraint}" for each in error.errors)
        return 400, _RULES[error.errors[0].rule], broken
    status, code, detail = _SAID[type(error)]
    if isinstance(error, facts.Unexpected) and error.cause is not None:
        detail = f"{detail}: {type(error.cause).__name__}: {error.cause}"
    return status, code, detail


_BAD_REQUEST: Final = "The body is not valid JSON, or a value breaks a rule. Nothing has changed."
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


def _broken(field: str, rule: Rule, constraint: str) -> facts.Invalid:
    return facts.Invalid(FieldError(field, rule, constraint))


_BODY: Final = (
    facts.BodyMalformed(),
    facts.MediaTypeUnsupported(),
    _broken("title", Rule.TOO_LONG, f"must be between 1 and {TITLE_MAX} characters"),
    _broken("description", Rule.TOO_LONG, f"must be at most {DESCRIPTION_MAX} characters"),
    _broken("priority", Rule.FORMAT, "must be 'low', 'medium' or 'high'"),
    _broken("due_date", Rule.FORMAT, SPELLING),
)
_ONE: Final = (
    facts.TaskNotFound(0),
    _broken("task_id", Rule.FORMAT, "must be a whole number in decimal digits"),
)
_COMPLETED: Final = _broken("completed", Rule.FORMAT, "must be true or false")

describe: Final = ErrorResponses(
    # At one time, so that the document is the same whenever it is made.
    lambda error: _presented(error, _EXAMPLE_TIME),
    model=Failure,
    code_at=("error_code",),
)


def _described(*samples: TodoError) -> Responses:
    responses = describe(*_ALWAYS, *samples)
    return responses | {400: responses[400] | {"description": _BAD_REQUEST}}


LIST: Final = _described(
    _broken("status", Rule.FORMAT, "must be one of: all, pending, completed"),
    _broken("due_before", Rule.FORMAT, SPELLING),
    _broken("limit", Rule.OUT_OF_RANGE, "must be between 1 and 100"),
    _broken(CURSOR, Rule.FORMAT, CONSTRAINT),
)
CREATE: Final = _described(
    *_BODY,
    _broken("title", Rule.REQUIRED, "is required"),
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
