"""One request on its way through the rooms."""

import secrets
import time
from collections.abc import Mapping
from typing import Final

from starlette.types import Receive, Scope

from todo_backend.core.rate_limits import Quota
from todo_backend.web.security import Event, Happened

RECORD: Final = "todo_backend.record"


class Record:
    """What the logs will say about a request, filled in on its way.

    `event` is for the security log: most requests have none. `quota` is for the client, where its
    requests are counted.
    """

    __slots__ = (
        "client",
        "error",
        "event",
        "quota",
        "request_id",
        "route",
        "started",
        "status",
        "user_id",
    )

    def __init__(self, request_id: str, *, client: str | None = None) -> None:
        self.request_id = request_id
        self.client = client
        self.route = "-"
        self.user_id: str | None = None
        self.error: str | None = None
        self.quota: Quota | None = None
        self.event: Event | None = None
        self.status = 0
        self.started = time.perf_counter()

    @property
    def milliseconds(self) -> float:
        return round((time.perf_counter() - self.started) * 1000, 2)

    def note(self, name: Happened, *, user_id: str | None = None) -> None:
        """Say what has been granted; `user_id` is the caller's, if no token has said it."""
        self.user_id = user_id or self.user_id
        self.event = Event(name)


def new_request_id() -> str:
    return secrets.token_hex(16)


class Call:
    """A request that has found its route.

    `path` holds the path's parameters, percent-decoded; a byte that is not UTF-8 is a lone
    surrogate there, which no user id and no number has. `content` is the body once it has been read
    (`web.body`), and `has_arrived` says that nothing of it is to come, even if it was too much.
    """

    __slots__ = ("_fields", "content", "has_arrived", "path", "receive", "record", "scope")

    def __init__(
        self, scope: Scope, receive: Receive, *, path: Mapping[str, str], record: Record
    ) -> None:
        self.scope = scope
        self.receive = receive
        self.path = path
        self.record = record
        self.content: bytes | None = None
        self.has_arrived = False
        # Of a repeated header the last one counts; those that must not repeat use `field_values`.
        self._fields: dict[bytes, bytes] = dict(scope["headers"])

    def field(self, name: bytes) -> bytes | None:
        """Return a header's value; `name` in lower case."""
        return self._fields.get(name)

    def field_values(self, name: bytes) -> list[bytes]:
        """Return every value of a header, in the order of arrival."""
        headers = self.scope["headers"]
        if len(headers) == len(self._fields):
            value = self._fields.get(name)
            return [] if value is None else [value]
        return [value for key, value in headers if key == name]
