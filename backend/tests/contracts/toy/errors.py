"""How the `toy` contract says what went wrong: a status and a sentence."""

from collections.abc import Mapping
from typing import Final

from tests.contracts.toy.schemas import Failure
from todo_backend.model import errors as facts
from todo_backend.model.errors import FieldError, Rule, TodoError
from todo_backend.web.answer import Answer, json_answer
from todo_backend.web.errors import headers_of
from todo_backend.web.openapi import ANYWHERE, LIMITED, ErrorResponses

# A fact is said by the nearest of its types that stands here.
_SAID: Final[Mapping[type[TodoError], tuple[int, str]]] = {
    facts.Unauthenticated: (401, "Send a good token"),
    facts.WrongUser: (403, "These are not your items"),
    facts.RouteNotFound: (404, "Nothing here"),
    facts.TaskNotFound: (404, "No such item"),
    facts.RequestMalformed: (400, "This is not HTTP"),
    facts.BodyMalformed: (400, "This is not JSON"),
    facts.IdempotencyKeyMalformed: (400, "This is no Idempotency-Key"),
    facts.MethodNotAllowed: (405, "Not like this"),
    facts.IdempotencyKeyInUse: (409, "It is being added"),
    facts.PreconditionFailed: (412, "It has changed meanwhile"),
    facts.ContentTooLarge: (413, "Too much"),
    facts.TargetTooLong: (414, "Too long an address"),
    facts.MediaTypeUnsupported: (415, "Send application/json"),
    facts.IdempotencyKeyReused: (422, "That Idempotency-Key was for something else"),
    facts.RateLimited: (429, "Too often"),
    facts.HeadersTooLarge: (431, "Too many headers"),
    facts.DatabaseUnavailable: (503, "Try again soon"),
    facts.Overloaded: (503, "Try again soon"),
    TodoError: (500, "Our mistake"),
}


def present(error: TodoError) -> Answer:
    """Say `error`, with the headers that HTTP wants for its status."""
    if isinstance(error, facts.Invalid):
        first = error.errors[0]
        status, sentence = 422, f"{first.field} {first.constraint}"
    else:
        status, sentence = next(_SAID[kind] for kind in type(error).__mro__ if kind in _SAID)
    return json_answer(status, {"error": sentence}, *headers_of(error))


describe: Final = ErrorResponses(present, model=Failure, code_at=("error",))

ALWAYS: Final = (
    *ANYWHERE,
    LIMITED,
    facts.CredentialMissing(""),
    facts.WrongUser(),
    facts.DatabaseUnavailable(""),
)
ONE: Final = (
    facts.TaskNotFound(0),
    facts.Invalid(FieldError("no", Rule.FORMAT, "must be a whole number", "x")),
)
BODY: Final = (
    facts.BodyMalformed(),
    facts.MediaTypeUnsupported(),
    facts.Invalid(FieldError("text", Rule.REQUIRED, "is required")),
)
KEYS: Final = (
    facts.IdempotencyKeyMalformed(),
    facts.IdempotencyKeyInUse(),
    facts.IdempotencyKeyReused(),
)
STALE: Final = facts.PreconditionFailed()
