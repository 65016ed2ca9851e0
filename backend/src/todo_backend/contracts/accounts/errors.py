"""How the `accounts` contract says what went wrong."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from todo_backend.contracts.accounts.schemas import DESCRIPTION_MAX, TITLE_MAX, Kind, Problem
from todo_backend.model import errors as facts
from todo_backend.model.errors import FieldError, Rule, TodoError
from todo_backend.web.answer import Answer, json_answer
from todo_backend.web.errors import headers_of
from todo_backend.web.openapi import ANYWHERE, LIMITED, ErrorResponses, Responses

Said = tuple[int, str]

_SAID: Final[Mapping[type[TodoError], Said]] = MappingProxyType(
    {
        facts.RequestMalformed: (400, "This is not a valid HTTP request"),
        facts.BodyMalformed: (400, "The body is not valid JSON"),
        facts.CredentialMissing: (401, "Not signed in"),
        facts.TokenInvalid: (401, "The access token is not valid"),
        facts.SignatureInvalid: (401, "The access token is not valid"),
        facts.TokenExpired: (401, "The access token has expired"),
        facts.CredentialsWrong: (401, "Wrong email or password"),
        facts.RefreshTokenInvalid: (401, "The refresh token is not valid"),
        facts.RouteNotFound: (404, "There is nothing at this address"),
        facts.TaskNotFound: (404, "Task not found"),
        facts.MethodNotAllowed: (405, "This address does not take this method"),
        facts.EmailTaken: (409, "An account with this email already exists"),
        facts.IdempotencyKeyMalformed: (
            400,
            "Idempotency-Key must be one value of 1 to 255 visible ASCII characters",
        ),
        facts.IdempotencyKeyInUse: (
            409,
            "The first request with this Idempotency-Key is still running",
        ),
        facts.PreconditionFailed: (
            412,
            "The task has changed since the version that If-Match names",
        ),
        facts.ContentTooLarge: (413, "The body is too large"),
        facts.TargetTooLong: (414, "The address is too long"),
        facts.MediaTypeUnsupported: (
            415,
            "The body must be application/json in UTF-8, without a content encoding",
        ),
        facts.RateLimited: (429, "Too many requests, try again later"),
        facts.HeadersTooLarge: (431, "The headers are too large"),
        facts.Unexpected: (500, "An unexpected error occurred"),
        facts.DatabaseUnavailable: (503, "The database can't be reached, try again soon"),
        facts.Overloaded: (503, "The server is busy, try again soon"),
        facts.KeysUnavailable: (503, "The token can't be verified right now, try again soon"),
    }
)
_KEY_REUSED: Final = "Another request was sent with this Idempotency-Key before"
_KINDS: Final[Mapping[Rule, Kind]] = MappingProxyType(
    {
        Rule.REQUIRED: "missing",
        Rule.TOO_LONG: "too_long",
        Rule.OUT_OF_RANGE: "out_of_range",
        Rule.FORMAT: "invalid",
    }
)


def present(error: TodoError) -> Answer:
    """Say `error`, with the headers that HTTP wants for its status. No value is repeated."""
    if isinstance(error, facts.Invalid):
        fields = [_field(each) for each in error.errors]
        said: dict[str, Any] = {"detail": fields[0]["message"], "errors": fields}
        return json_answer(422, said, *headers_of(error))
    if isinstance(error, facts.IdempotencyKeyReused):
        problem = {"field": "Idempotency-Key", "message": _KEY_REUSED, "type": "invalid"}
        said = {"detail": _KEY_REUSED, "errors": [problem]}
        return json_answer(422, said, *headers_of(error))
    status, detail = _SAID[type(error)]
    return json_answer(status, {"detail": detail}, *headers_of(error))


def _field(error: FieldError) -> dict[str, str]:
    name = error.field.replace("_", " ").capitalize()
    return {
        "field": error.field,
        "message": f"{name} {error.constraint}",
        "type": _KINDS[error.rule],
    }


def _meaning(responses: Responses, status: int, description: str) -> Responses:
    return responses | {status: responses[status] | {"description": description}}


describe: Final = ErrorResponses(present, model=Problem, code_at=("detail",))

# Tasks ---------------------------------------------------------------------------------

_TOKEN: Final = (
    facts.CredentialMissing(""),
    facts.TokenInvalid(""),
    facts.TokenExpired(""),
)
_ALWAYS: Final = (*ANYWHERE, LIMITED, *_TOKEN, facts.DatabaseUnavailable(""))
_BODY: Final = (facts.BodyMalformed(), facts.MediaTypeUnsupported())
_TITLE: Final = facts.Invalid(
    FieldError("title", Rule.TOO_LONG, f"must be between 1 and {TITLE_MAX} characters")
)
_DESCRIPTION: Final = facts.Invalid(
    FieldError("description", Rule.TOO_LONG, f"must be at most {DESCRIPTION_MAX} characters")
)
_COMPLETED: Final = facts.Invalid(FieldError("completed", Rule.FORMAT, "must be true or false"))
_ONE: Final = (
    facts.TaskNotFound(0),
    facts.Invalid(FieldError("id", Rule.FORMAT, "must be a whole number")),
)

LIST: Final = describe(*_ALWAYS)
CREATE: Final = describe(
    *_ALWAYS,
    *_BODY,
    facts.Invalid(FieldError("title", Rule.REQUIRED, "is required")),
    _TITLE,
    _DESCRIPTION,
    facts.IdempotencyKeyMalformed(),
    facts.IdempotencyKeyInUse(),
    facts.IdempotencyKeyReused(),
)
GET: Final = describe(*_ALWAYS, *_ONE)
PUT: Final = describe(
    *_ALWAYS, *_ONE, *_BODY, _TITLE, _DESCRIPTION, _COMPLETED, facts.PreconditionFailed()
)
DELETE: Final = describe(*_ALWAYS, *_ONE, facts.PreconditionFailed())
TOGGLE: Final = describe(*_ALWAYS, *_ONE, *_BODY, _COMPLETED, facts.PreconditionFailed())

# Accounts ------------------------------------------------------------------------------

_PASSWORD_MISSING: Final = facts.Invalid(FieldError("password", Rule.REQUIRED, "is required"))
_NO_REFRESH_TOKEN: Final = facts.Invalid(
    FieldError("refresh_token", Rule.FORMAT, "must be a string")
)
_BUSY: Final = "The server is busy, or its database is away. The same request may work soon."

SIGN_UP: Final = _meaning(
    describe(
        *ANYWHERE,
        LIMITED,
        *_BODY,
        facts.Invalid(
            FieldError("email", Rule.REQUIRED, "is required"),
            FieldError("name", Rule.REQUIRED, "is required"),
        ),
        facts.EmailTaken(),
        facts.DatabaseUnavailable(""),
        facts.Overloaded(),
    ),
    503,
    _BUSY,
)
SIGN_IN: Final = _meaning(
    _meaning(
        describe(
            *ANYWHERE,
            LIMITED,
            *_BODY,
            _PASSWORD_MISSING,
            facts.CredentialsWrong(""),
            facts.DatabaseUnavailable(""),
            facts.Overloaded(),
        ),
        401,
        "No account has this address and this password.",
    ),
    503,
    _BUSY,
)
REFRESH: Final = _meaning(
    describe(
        *ANYWHERE,
        LIMITED,
        *_BODY,
        _NO_REFRESH_TOKEN,
        facts.RefreshTokenInvalid(""),
        facts.DatabaseUnavailable(""),
    ),
    401,
    "The refresh token is unknown, used or expired, or its session has ended.",
)
SIGN_OUT: Final = describe(*_ALWAYS, *_BODY, _NO_REFRESH_TOKEN)
