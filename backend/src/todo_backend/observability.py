"""Logs: one line a request, and what went wrong. No token, secret, body or SQL parameter, ever."""

import json
import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final, TextIO

import orjson
import structlog

from todo_backend.log_thread import Write, writer_to
from todo_backend.model.stack import stack_of
from todo_backend.web.call import Record
from todo_backend.web.moments import spell
from todo_backend.web.security import Event

SECURITY: Final = "todo_backend.security"
"""The logger of the lines about refused credentials and what was granted by a password."""

# A library's message has no limit of its own; ours are short.
_MESSAGE_MAX: Final = 2000
_UNPRINTABLE: Final = re.compile(r"[^ -~]")
_BRACKETS: Final = str.maketrans({"[": "\\x5b", "]": "\\x5d"})
_SHOWN_FIRST: Final = ("timestamp", "level", "user_id", "endpoint", "event")
_REFUSALS: Final = frozenset({401, 403, 429})


class _Lines:
    """Where structlog's lines go: each level is the same way out."""

    __slots__ = ("critical", "debug", "error", "info", "msg", "warning")

    def __init__(self, write: Write) -> None:
        self.msg = self.debug = self.info = self.warning = self.error = self.critical = write


class _LibraryLines(logging.Handler):
    """Where the standard library's lines go."""

    def __init__(self, write: Write, formatter: logging.Formatter) -> None:
        super().__init__()
        self._write = write
        self.setFormatter(formatter)

    def emit(self, record: logging.LogRecord) -> None:
        self._write(self.format(record))


def configure(*, level: str, form: str, stream: TextIO | None = None) -> None:
    """Send every log line of this process to `stream` (stderr): ours, and those of libraries.

    `form` is "json", or "text" for `[TIMESTAMP] [LEVEL] [USER_ID] [ENDPOINT] [MESSAGE]`. Loggers
    that are bound already (`RequestLog`) keep their stream.
    """
    render = _json_line if form == "json" else _text_line
    write = writer_to(stream or sys.stderr, describe_loss=partial(_loss, render))
    shared: list[structlog.typing.Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, render],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: _Lines(write),
        cache_logger_on_first_use=False,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, render],
        foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name, _without_exception_text],
    )
    _take_over_libraries(_LibraryLines(write, formatter), level.upper())


def _loss(render: structlog.typing.Processor, lines: int) -> str:
    """Say that so many lines could not be written, in the form of the others."""
    now = spell(datetime.now(UTC))
    told = {"event": "log lines dropped", "lines": lines, "level": "warning", "timestamp": now}
    return str(render(None, "warning", told))


def _take_over_libraries(handler: logging.Handler, level: str) -> None:
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    # A line that can't be written would be told on stderr, arguments and all.
    logging.raiseExceptions = False
    logging.captureWarnings(capture=True)
    for name in ("uvicorn", "uvicorn.error", "fastapi"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [], True
        logger.setLevel(level)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    # Below warning, SQLAlchemy's lines hold statements and their parameters.
    logging.getLogger("sqlalchemy").setLevel(logging.WARNING)
    # The access log is ours, and a line of uvicorn's would hold the whole query string. Without a
    # handler uvicorn does not even make it.
    access = logging.getLogger("uvicorn.access")
    access.handlers, access.propagate, access.disabled = [], False, True


class RequestLog:
    """Writes the one line of a request, to where `configure` says at the time this is made.

    A request with an event for the security log has a second one, which `logger` tells apart.
    """

    def __init__(self) -> None:
        # Bound now, because that costs more than the line.
        self._log: structlog.typing.FilteringBoundLogger = structlog.get_logger().bind()
        self._security = self._log.bind(logger=SECURITY)

    def __call__(self, record: Record) -> None:
        extra: dict[str, str | None] = {}
        if record.error is not None:
            extra["error"] = record.error[:_MESSAGE_MAX]
        write = self._log.info
        if record.status >= 500:  # noqa: PLR2004 - the server errors (RFC 9110, section 15.6)
            write = self._log.error
        elif record.status in _REFUSALS:
            write = self._log.warning
            extra["client"] = record.client
        write(
            "request",
            user_id=record.user_id,
            endpoint=record.route,
            status=record.status,
            duration_ms=record.milliseconds,
            request_id=record.request_id,
            **extra,
        )
        if record.event is not None:
            self._tell(record.event, record)

    def _tell(self, event: Event, record: Record) -> None:
        write = self._security.warning if event.name.is_refusal else self._security.info
        extra = {} if event.reason is None else {"reason": event.reason[:_MESSAGE_MAX]}
        write(
            event.name.value,
            user_id=event.user_id or record.user_id,
            endpoint=record.route,
            client=record.client,
            request_id=record.request_id,
            **extra,
        )


def _without_exception_text(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Put a library's `exc_info` the way `stack_of` does."""
    caught = event.pop("exc_info", None)
    error = caught[1] if isinstance(caught, tuple) else caught
    if isinstance(error, BaseException):
        event.update(stack_of(error))
        # asyncio goes on with the representations of the task and of the error.
        event["event"] = event["event"].partition("\n")[0]
    event["event"] = event["event"][:_MESSAGE_MAX]
    return event


def _json_line(_logger: object, _method: str, event: Mapping[str, Any]) -> str:
    try:
        line = orjson.dumps(event, default=repr).decode()
    except TypeError:  # half of a surrogate pair, or an integer of more than 64 bits
        line = json.dumps(event, default=repr)
    return line if line.isprintable() else _UNPRINTABLE.sub(_json_escape, line)


def _json_escape(match: re.Match[str]) -> str:
    """Escape what JSON allows but a terminal obeys: C1 controls, direction marks and the like."""
    char = match[0]
    if char.isprintable():
        return char
    units = char.encode("utf-16-be")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))


def _text_line(_logger: object, _method: str, event: Mapping[str, Any]) -> str:
    head = [event["timestamp"], event["level"].upper(), event.get("user_id"), event.get("endpoint")]
    rest = [f"{key}={event[key]}" for key in event if key not in _SHOWN_FIRST]
    message = " ".join([str(event["event"]), *rest])
    return " ".join(f"[{_plain(part)}]" for part in (*head, message))


def _plain(value: object) -> str:
    """Keep a value on its line and inside its brackets, whoever chose it."""
    text = "-" if value is None else str(value)
    if not text.isprintable():
        text = _UNPRINTABLE.sub(lambda match: _text_escape(match[0]), text)
    return text.translate(_BRACKETS) if "[" in text or "]" in text else text


def _text_escape(char: str) -> str:
    return char if char.isprintable() else ascii(char)[1:-1]
