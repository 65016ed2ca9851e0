"""What others log in this process: it goes the same way, and says no more than it may."""

import io
import json
import logging
import logging.config
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from sqlalchemy import create_engine, text
from sqlalchemy.pool import StaticPool

from todo_backend import observability
from todo_backend.model.stack import stack_of
from todo_backend.web.call import Record

BACKEND = Path(__file__).parents[1]
CANARY = "Canary-93ac51"
NAMES = ["uvicorn", "uvicorn.error", "fastapi", "asyncio", "asyncpg", "alembic", "sqlalchemy.pool"]

# A process of its own, because pytest has warnings and hooks of its own.
TROUBLE = f"""
import asyncio, logging, sys, warnings
from todo_backend import observability

observability.configure(level="info", form=sys.argv[1])

async def failing():
    raise ValueError("{CANARY}")

async def main():
    asyncio.create_task(failing())
    await asyncio.sleep(0)
    await asyncio.sleep(0)

asyncio.run(main())
warnings.warn("something is old")
logging.getLogger("some.library").error("two\\nlines and half a pair \\ud800", stack_info=True)
"""


class _FullDisk(io.StringIO):
    def write(self, text: str) -> int:  # noqa: ARG002 - the signature of a stream
        raise OSError(28, "No space left on device")


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers = handlers
    root.setLevel(level)
    # uvicorn's configuration enables what is there, and the tests' client tells every address.
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).disabled = True


def logging_to(form: str, *, level: str = "info") -> io.StringIO:
    stream = io.StringIO()
    observability.configure(level=level, form=form, stream=stream)
    return stream


@pytest.mark.parametrize("name", NAMES)
def test_a_library_goes_the_same_way(name: str) -> None:
    """Its line has the members of ours, and its logger's name."""
    log = logging_to("json")

    logging.getLogger(name).warning("Pool %s is full", "A")

    line = json.loads(log.getvalue())
    assert (line["event"], line["level"], line["logger"]) == ("Pool A is full", "warning", name)
    assert line["timestamp"].endswith("Z")


def test_uvicorns_own_configuration_is_undone() -> None:
    """`uvicorn main:app` sets levels and handlers before it loads the application."""
    logging.config.dictConfig(uvicorn.config.LOGGING_CONFIG)
    log = logging_to("json", level="warning")

    logging.getLogger("uvicorn.error").info("Started")
    logging.getLogger("uvicorn.error").warning("Invalid HTTP request received.")
    logging.getLogger("uvicorn.access").critical("GET /?access_token=%s", CANARY)

    (line,) = log.getvalue().splitlines()
    assert json.loads(line)["event"] == "Invalid HTTP request received."
    # Without a handler uvicorn does not even make the line.
    assert not logging.getLogger("uvicorn.access").hasHandlers()


def test_lg_02_sql_and_its_parameters_are_in_no_line() -> None:
    """Not even at debug level does SQLAlchemy tell what it sends."""
    log = logging_to("json", level="debug")
    engine = create_engine("sqlite://", poolclass=StaticPool)

    with engine.connect() as connection:
        connection.execute(text("SELECT :value"), {"value": CANARY})
    engine.dispose()

    assert "SELECT" not in log.getvalue()
    assert CANARY not in log.getvalue()


@pytest.mark.parametrize("form", ["json", "text"])
def test_an_exception_is_types_and_places(form: str) -> None:
    """`exc_info` of a library shows where it came through, causes included, and no message."""
    log = logging_to(form)

    try:
        try:
            int(CANARY)
        except ValueError as error:
            raise LookupError(CANARY) from error
    except LookupError:
        logging.getLogger("asyncpg").exception("reset failed\nerror=%s", "details of it")

    line = log.getvalue()
    assert "LookupError <- ValueError" in line
    assert f"{Path(__file__).name}:" in line
    assert "reset failed" in line
    assert "details of it" not in line
    assert CANARY not in line


def test_a_stack_is_short_whatever_the_error() -> None:
    """Recursion, a long chain and a group: the first links and the innermost frames remain."""

    def descend() -> None:
        descend()

    errors: list[Exception] = []
    for _ in range(20):
        try:
            descend()
        except RecursionError as error:
            error.__context__ = errors[-1] if errors else None
            errors.append(error)
    found = stack_of(ExceptionGroup(CANARY, [errors[-1], OSError(CANARY)]))

    assert str(found["error"]).startswith("ExceptionGroup <- RecursionError")
    assert len(found["stack"]) <= 8 * 20
    assert CANARY not in str(found)


@pytest.mark.parametrize("form", ["json", "text"])
def test_a_long_message_is_cut(form: str) -> None:
    """A library that logs what it was sent can't fill the disk by one line."""
    log = logging_to(form)

    logging.getLogger("some.library").warning("x" * 1_000_000)

    assert 2000 <= len(log.getvalue()) < 3000


@pytest.mark.parametrize("form", ["json", "text"])
def test_a_process_writes_nothing_but_lines(form: str) -> None:
    """Warnings, tasks that failed unseen and text that UTF-8 can't carry are lines as well."""
    process = subprocess.run(  # noqa: S603 - our own interpreter and words
        [sys.executable, "-c", TROUBLE, form],
        env={**os.environ, "PYTHONPATH": str(BACKEND / "src")},
        capture_output=True,
        text=True,
        check=True,
    )

    lines = process.stderr.splitlines()
    assert process.stdout == ""
    assert len(lines) == 3
    assert CANARY not in process.stderr
    assert all(line.isprintable() for line in lines)
    if form == "json":
        found: list[dict[str, Any]] = [json.loads(line) for line in lines]
        assert [each["logger"] for each in found] == ["asyncio", "py.warnings", "some.library"]
        assert found[0]["error"] == "ValueError"
        assert found[2]["event"].startswith("two\nlines and half a pair \ud800")
    else:
        assert all(line.startswith("[20") and line.endswith("]") for line in lines)


def test_fa_28_a_log_that_cannot_be_written_stops_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A full disk costs the lines and not the answers, and no line strays to another place."""
    observability.configure(level="info", form="json", stream=_FullDisk())

    observability.RequestLog()(Record("0" * 32))
    logging.getLogger("uvicorn.error").error("%s", CANARY)

    captured = capsys.readouterr()
    assert captured.out + captured.err == ""
