"""From an exception to an answer in the contract's words. The one place that catches them all."""

import json
from collections.abc import Awaitable, Callable, Collection
from typing import Final, TypeVar

import structlog
from starlette.requests import ClientDisconnect

from todo_backend.core.rate_limits import Quota
from todo_backend.model.errors import (
    ContentTooLarge,
    CredentialMissing,
    CredentialsWrong,
    DatabaseUnavailable,
    IdempotencyKeyInUse,
    KeysUnavailable,
    MediaTypeUnsupported,
    MethodNotAllowed,
    Overloaded,
    RateLimited,
    RequestMalformed,
    TodoError,
    Unauthenticated,
    Unexpected,
)
from todo_backend.model.stack import stack_of
from todo_backend.model.text import to_well_formed
from todo_backend.web import rate_limits
from todo_backend.web.answer import CLOSE, Answer, Header
from todo_backend.web.call import Call
from todo_backend.web.security import event_of

SHOWN_MAX: Final = 100
# What every JSON reader takes without rounding (RFC 8259, section 6).
_EXACT_INTEGER_MAX: Final = 2**53 - 1
_Produced = TypeVar("_Produced")
_log: Final = structlog.get_logger("todo_backend.errors")


async def answered(
    call: Call,
    produce: Callable[[], Awaitable[_Produced]],
    *,
    present: Callable[[TodoError], Answer],
    debug: bool,
) -> _Produced | Answer | None:
    """Return what `produce` returns, or the error it raises as `present` says it.

    None when the client has gone. A defect is logged with its stack and shown as Unexpected.
    """
    try:
        return await produce()
    except TodoError as error:
        call.record.error = type(error).__name__
        call.record.event = event_of(error)
        if isinstance(error, Unauthenticated | DatabaseUnavailable | KeysUnavailable):
            call.record.error += f": {error.reason}"
        return present(error)
    except ClientDisconnect:
        call.record.error = "client gone"
        return None
    except Exception as error:  # noqa: BLE001 - the boundary: nothing below may answer in its place
        record = call.record
        record.error = type(error).__name__
        _log.error(
            "unexpected",
            user_id=record.user_id,
            endpoint=record.route,
            request_id=record.request_id,
            **stack_of(error),
        )
        return present(Unexpected(error if debug else None))


def allow_header(allowed: Collection[str]) -> Header:
    return b"allow", ", ".join(sorted(allowed)).encode()


def headers_of(error: TodoError) -> tuple[Header, ...]:
    """Return the headers that HTTP wants beside this error, whatever the contract."""
    found: tuple[Header, ...] = ()
    match error:
        case CredentialMissing() | CredentialsWrong():
            # RFC 6750, section 3: no `error` where no token was sent.
            found = ((b"www-authenticate", b"Bearer"),)
        case Unauthenticated():
            found = ((b"www-authenticate", b'Bearer error="invalid_token"'),)
        case MethodNotAllowed():
            found = (allow_header(error.allowed),)
        case MediaTypeUnsupported():
            found = ((b"accept", b"application/json"),)
        case DatabaseUnavailable() | KeysUnavailable() | Overloaded() | IdempotencyKeyInUse():
            found = ((b"retry-after", b"%d" % error.retry_after_seconds),)
        case RateLimited():
            seconds = error.retry_after_seconds
            left = Quota(error.limit, remaining=0, reset_seconds=seconds)
            found = ((b"retry-after", b"%d" % seconds), *rate_limits.headers_of(left))
        case ContentTooLarge() | RequestMalformed():
            # What comes next on this connection is not the start of a request.
            found = (CLOSE,)
    return found


def shown(value: object) -> object:
    """Make what a client sent fit to be sent back: at most 100 characters, and always JSON."""
    match value:
        case None | bool() | float():
            return value
        case int() if abs(value) <= _EXACT_INTEGER_MAX:
            return value
        case str():
            return to_well_formed(value)[:SHOWN_MAX]
    return to_well_formed(json.dumps(value, ensure_ascii=False))[:SHOWN_MAX]
