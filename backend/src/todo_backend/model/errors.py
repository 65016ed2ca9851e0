"""What can go wrong, as facts. Each contract has one table that says how to put it (RFC 9110)."""

from dataclasses import dataclass
from enum import StrEnum


class TodoError(Exception):
    """The root of everything this backend refuses on purpose."""


# Who is asking ------------------------------------------------------------------------


class Unauthenticated(TodoError):
    """There is no principal. `reason` goes to the security log and never to the client.

    So does `user_id`: whose credentials these are said to be, where that is known.
    """

    def __init__(self, reason: str, *, user_id: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.user_id = user_id


class CredentialMissing(Unauthenticated):
    """No `Authorization` header, or one of another scheme than Bearer (RFC 6750, section 3)."""


class TokenInvalid(Unauthenticated):
    """Not a token, an unknown algorithm or key, or a claim missing, mistyped or contradictory.

    `is_foreign_page`: a browser has sent it along for a page that is none of the front ends'.
    """

    def __init__(
        self, reason: str, *, user_id: str | None = None, is_foreign_page: bool = False
    ) -> None:
        super().__init__(reason, user_id=user_id)
        self.is_foreign_page = is_foreign_page


class TokenExpired(Unauthenticated):
    """A genuine token after its `exp`, leeway included."""


class SignatureInvalid(Unauthenticated):
    """A well-formed token whose signature does not verify."""


class CredentialsWrong(Unauthenticated):
    """No account has this address and this password; which of them is wrong, nobody is told."""


class RefreshTokenInvalid(Unauthenticated):
    """A refresh token that is unknown, expired or used, or whose session has ended.

    `is_reuse`: it was used before, so its session has been ended by this.
    """

    def __init__(self, reason: str, *, user_id: str | None = None, is_reuse: bool = False) -> None:
        super().__init__(reason, user_id=user_id)
        self.is_reuse = is_reuse


class WrongUser(TodoError):
    """The path names another user than the token does."""


# What is asked ------------------------------------------------------------------------


class RouteNotFound(TodoError):
    """No route has this path."""


class MethodNotAllowed(TodoError):
    """The path exists, but not for this method."""

    def __init__(self, allowed: frozenset[str]) -> None:
        super().__init__()
        self.allowed = allowed


class RequestMalformed(TodoError):
    """The bytes are no HTTP request (RFC 9112)."""


class ContentTooLarge(TodoError):
    """The body has more than `limit` bytes."""

    def __init__(self, limit: int) -> None:
        super().__init__()
        self.limit = limit


class HeadersTooLarge(TodoError):
    """The header section is larger than this server reads (RFC 6585, section 5)."""


class TargetTooLong(TodoError):
    """The request target is longer than this server reads (RFC 9110, section 15.5.15)."""


class MediaTypeUnsupported(TodoError):
    """The body is not `application/json`, or it is encoded."""


class BodyMalformed(TodoError):
    """The body is not JSON as RFC 8259 and I-JSON (RFC 7493) want it."""


class Rule(StrEnum):
    """The kinds of rule a field can break."""

    REQUIRED = "required"
    TOO_LONG = "too_long"
    OUT_OF_RANGE = "out_of_range"
    FORMAT = "format"


@dataclass(frozen=True, slots=True)
class FieldError:
    """One field that breaks one rule. `value` is what arrived; None where nothing did."""

    field: str
    rule: Rule
    constraint: str
    value: object = None


class Invalid(TodoError):
    """At least one field breaks a rule; `errors` is in the order of the contract's fields."""

    def __init__(self, *errors: FieldError) -> None:
        super().__init__()
        self.errors = errors


class IdempotencyKeyMalformed(TodoError):
    """The header `Idempotency-Key` is repeated, or no key."""


# The rows -----------------------------------------------------------------------------


class TaskNotFound(TodoError):
    """The caller owns no task with this id; it may exist for somebody else."""

    def __init__(self, task_id: int) -> None:
        super().__init__()
        self.task_id = task_id


class StrangersTask(TaskNotFound):
    """The task is somebody else's. Raised for a contract that tells so; the others never know."""


class PreconditionFailed(TodoError):
    """`If-Match` names a version that is not the current one (RFC 9110, section 13.1.1)."""


class IdempotencyKeyInUse(TodoError):
    """The first request with this key has not ended yet."""

    retry_after_seconds = 1


class IdempotencyKeyReused(TodoError):
    """The first request with this key was another one."""


# Accounts -----------------------------------------------------------------------------


class EmailTaken(TodoError):
    """There is an account with this e-mail address already."""


class Overloaded(TodoError):
    """More is waiting than could be done in time."""

    def __init__(self, *, retry_after_seconds: int = 1) -> None:
        super().__init__()
        self.retry_after_seconds = retry_after_seconds


class RateLimited(TodoError):
    """It has been done `limit` times already, and may be done again after so many seconds."""

    def __init__(self, limit: int, *, retry_after_seconds: int) -> None:
        super().__init__()
        self.limit = limit
        self.retry_after_seconds = retry_after_seconds


# What this backend depends on ---------------------------------------------------------


class DatabaseUnavailable(TodoError):
    """The database is away, too slow, full or read-only. `reason` is for the log alone."""

    def __init__(self, reason: str, *, retry_after_seconds: int = 1) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry_after_seconds = retry_after_seconds


class KeysUnavailable(TodoError):
    """The issuer's key for a token isn't known while its key service can't be reached.

    So nobody can tell yet whether the token is genuine. `reason` is for the log alone.
    """

    def __init__(self, reason: str, *, retry_after_seconds: int = 1) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry_after_seconds = retry_after_seconds


class Unexpected(TodoError):
    """A defect of ours. `cause` is shown to a client in debug mode alone."""

    def __init__(self, cause: Exception | None) -> None:
        super().__init__()
        self.cause = cause
