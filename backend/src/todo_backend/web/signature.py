"""What a route's signature may ask for.

FastAPI documents what stands in the signatures of the functions here, and nothing calls them: the
steps of a request (web/operation.py) know each by its name.
"""

from collections.abc import Callable
from typing import Annotated, Any, Final

from fastapi import Depends, Header, Path
from fastapi.security import HTTPBearer
from pydantic.json_schema import SkipJsonSchema

from todo_backend.auth.accounts import AccountService
from todo_backend.database.search import SearchFunctions
from todo_backend.database.tasks import TaskFunctions
from todo_backend.model.attempt import Attempt
from todo_backend.model.principal import Principal
from todo_backend.web import idempotency
from todo_backend.web.call import Call, Record
from todo_backend.web.openapi import SECURITY

Service = Callable[[], object]
"""What stands in a signature for something that the application gives every call."""

OWNER: Final = "user_id"
"""The path parameter that names whose tasks they are."""
_ETAG: Final = '"e-660c315273f1f"'

_bearer = HTTPBearer(
    scheme_name=SECURITY,
    bearerFormat="JWT",
    description="A token from Better Auth. Its `sub` (or `user_id`) is the user.",
)


def owner(
    user_id: Annotated[
        str,
        Path(
            min_length=1,
            max_length=255,
            description="The user whose tasks they are, as the token names them.",
            examples=["user_123"],
        ),
    ],
    token: Annotated[object, Depends(_bearer)],
) -> Principal:
    raise NotImplementedError


def caller(token: Annotated[object, Depends(_bearer)]) -> Principal:
    raise NotImplementedError


def leaver(token: Annotated[object, Depends(_bearer)]) -> Principal:
    raise NotImplementedError


def _if_match(
    if_match: Annotated[
        str | SkipJsonSchema[None],
        Header(
            alias="If-Match",
            description="Change the task only if it is still at this version (its `ETag`).",
            examples=[_ETAG],
        ),
    ] = None,
) -> list[bytes]:
    raise NotImplementedError


def _if_none_match(
    if_none_match: Annotated[
        str | SkipJsonSchema[None],
        Header(
            alias="If-None-Match",
            description="Answer 304 without a body if this is still the version (its `ETag`).",
            examples=[_ETAG],
        ),
    ] = None,
) -> list[bytes]:
    raise NotImplementedError


def _attempt(
    idempotency_key: Annotated[
        str | SkipJsonSchema[None],
        Header(
            alias="Idempotency-Key",
            min_length=1,
            max_length=idempotency.KEY_MAX,
            pattern="^[!-~]+$",
            description="Names this request, so that it can be sent again: within 24 hours the "
            "same key with the same body brings the first answer, and no second task.",
            examples=["9b2c6f0e-6d0b-4c58-9d4e-6b1f5a3f7f11"],
        ),
    ] = None,
) -> Attempt | None:
    raise NotImplementedError


def _record() -> Record:
    raise NotImplementedError


def task_functions() -> TaskFunctions:
    """Stand for the tasks, written as the route's contract writes them."""
    raise NotImplementedError


def search_functions() -> SearchFunctions:
    """Stand for the pages of tasks, written as the route's contract writes them."""
    raise NotImplementedError


def accounts() -> AccountService:
    """Stand for this backend's own accounts."""
    raise NotImplementedError


Owner = Annotated[Principal, Depends(owner)]
"""The caller, who is also the user that the path names."""
Caller = Annotated[Principal, Depends(caller)]
"""The caller, where the path names nobody."""
Leaver = Annotated[Principal, Depends(leaver)]
"""The caller, whose session may have been ended before."""
IfMatch = Annotated[list[bytes], Depends(_if_match)]
"""The values of the header `If-Match`."""
IfNoneMatch = Annotated[list[bytes], Depends(_if_none_match)]
"""The values of the header `If-None-Match`."""

Retriable = Annotated[Attempt | None, Depends(_attempt)]
"""The request under the name that the header `Idempotency-Key` gives it; None without one."""

Noted = Annotated[Record, Depends(_record)]
"""What the logs will say about the request."""

Tasks = Annotated[TaskFunctions, Depends(task_functions)]
"""The tasks, written as the route's contract writes them."""
Searches = Annotated[SearchFunctions, Depends(search_functions)]
"""The pages of tasks, written as the route's contract writes them."""
Accounts = Annotated[AccountService, Depends(accounts)]
"""This backend's own accounts."""

PRINCIPALS: Final = frozenset({owner, caller, leaver})
"""Those that say who is calling."""
HEADERS: Final[dict[Callable[..., object], Callable[[Call], object]]] = {
    _if_match: lambda call: call.field_values(b"if-match"),
    _if_none_match: lambda call: call.field_values(b"if-none-match"),
    _attempt: idempotency.read,
    _record: lambda call: call.record,
}
"""Those that stand for a header or the like, and how it is read once the body has been."""


def task_number(alias: str | None = None) -> Any:  # noqa: ANN401 - as FastAPI's Path
    """Describe the parameter of a path that is a task's number; `alias` is its name there."""
    return Path(
        alias=alias,
        ge=1,
        description="The task's number.",
        examples=[1],
        json_schema_extra={"format": "int64"},
    )
