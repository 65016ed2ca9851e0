"""Logs: one line a request, and what went wrong. No token, secret, body or SQL parameter, ever."""

import json
import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from contextlib import suppress
from typing import Any, Final, TextIO

import orjson
import structlog

from todo_backend.model.stack import stack_of
from todo_backend.web.call import Record

# A library's message has no limit of its own; ours are short.
_MESSAGE_MAX: Final = 2000
_UNPRINTABLE: Final = re.compile(r"[^ -~]")
_BRACKETS: Final = str.maketrans({"[": "\\x5b", "]": "\\x5d"})
_SHOWN_FIRST: Final = ("timestamp", "level", "user_id", "endpoint", "event")
_REFUSED_CREDENTIALS: Final = frozenset({401, 403})


class _Lines(structlog.WriteLogger):
    """Writes lines. A stream that can't take one, on a full disk say, stops no request."""

    def msg(self, message: str) -> None:
        with suppress(OSError):
            super().msg(message)

    debug = info = warning = error = critical = msg


def configure(*, level: str, form: str, stream: TextIO | None = None) -> None:
    """Send every log line of this process to `stream` (stderr): ours, and those of libraries.

    `form` is "json", or "text" for `[TIMESTAMP] [LEVEL] [USER_ID] [ENDPOINT] [MESSAGE]`. Loggers
    that are bound already (`AccessLog`) keep their stream.
    """
    out = stream or sys.stderr
    render = _json_line if form == "json" else _text_line
    shared: list[structlog.typing.Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, render],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: _Lines(out),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, render],
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name, _without_exception_text],
        )
    )
    _take_over_libraries(handler, level.upper())


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


class AccessLog:
    """Writes the one line of a request, to where `configure` says at the time this is made."""

    def __init__(self) -> None:
        # Bound now, because that costs more than the line.
        self._log: structlog.typing.FilteringBoundLogger = structlog.get_logger().bind()

    def __call__(self, record: Record) -> None:
        extra: dict[str, str | None] = {} if record.error is None else {"error": record.error}
        write = self._log.info
        if record.status >= 500:  # noqa: PLR2004 - the server errors (RFC 9110, section 15.6)
            write = self._log.error
        elif record.status in _REFUSED_CREDENTIALS:
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
