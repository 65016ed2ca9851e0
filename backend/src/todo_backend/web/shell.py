"""The outermost middleware: request id, headers that every response has, and the access log."""

import re
from collections.abc import Callable
from http import HTTPStatus
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from todo_backend.model.errors import TodoError
from todo_backend.web import rate_limits
from todo_backend.web.answer import CLOSE, NO_STORE, Answer, Header
from todo_backend.web.call import RECORD, Record, new_request_id
from todo_backend.web.client_address import ClientAddress

AccessLog = Callable[[Record], None]

_REQUEST_ID: Final = re.compile(rb"[A-Za-z0-9._-]{1,128}")
_ALWAYS: Final[tuple[Header, ...]] = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
)
# What this backend answers is data: a browser that shows it must load and run nothing.
_UNLESS_SET: Final[tuple[Header, ...]] = (
    (
        b"content-security-policy",
        b"default-src 'none'; base-uri 'none'; frame-ancestors 'none'",
    ),
    NO_STORE,
)
# Two years, as the preload lists ask for.
_HSTS: Final[Header] = (b"strict-transport-security", b"max-age=63072000; includeSubDomains")


class Shell:
    """Wraps an application so that no response leaves without its id, headers and log line."""

    def __init__(
        self, app: ASGIApp, *, log: AccessLog, client_of: ClientAddress, https: bool
    ) -> None:
        self._app = app
        self._log = log
        self._client_of = client_of
        self._headers = (*_ALWAYS, _HSTS) if https else _ALWAYS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        record = scope[RECORD] = Record(_request_id(scope), client=self._client_of(scope))

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                record.status = message["status"]
                self._complete(message["headers"], record)
            await send(message)

        try:
            await self._app(scope, receive, send_with_headers)
        finally:
            self._log(record)

    def to_no_request(self, answer: Answer, error: TodoError) -> bytes:
        """Write out the last answer of a connection, to what is no request, and log it."""
        record = Record(new_request_id())
        record.status, record.error = answer.status, type(error).__name__
        headers = [*answer.headers, (b"content-length", b"%d" % len(answer.body))]
        if not answer.closes:
            headers.append(CLOSE)
        self._complete(headers, record)
        self._log(record)
        status = f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}\r\n"
        lines = [b"%b: %b\r\n" % header for header in headers]
        return b"".join([status.encode(), *lines, b"\r\n", answer.body])

    def _complete(self, headers: list[Header], record: Record) -> None:
        names = {name for name, _ in headers}
        headers += self._headers
        headers += (default for default in _UNLESS_SET if default[0] not in names)
        # What says that there is nothing left says of which limit.
        if record.quota is not None and rate_limits.LIMIT not in names:
            headers += rate_limits.headers_of(record.quota)
        headers.append((b"x-request-id", record.request_id.encode()))


def _request_id(scope: Scope) -> str:
    """Return the client's id if it is safe to repeat and to log; a new one otherwise."""
    for name, value in scope["headers"]:
        if name == b"x-request-id":
            return value.decode() if _REQUEST_ID.fullmatch(value) else new_request_id()
    return new_request_id()
