"""`uvicorn main:app` and `fastapi run` start and stop the database with the application."""

import asyncio
import signal
import sys
from pathlib import Path

import pytest

from tests.commands.test_signals import Request, address_of, locked_tasks
from tests.support.command import BACKEND, environment, get, started
from tests.support.users import token_for

UVICORN = (sys.executable, "-m", "uvicorn", "main:app", "--app-dir", str(BACKEND), "--port", "0")
FASTAPI = (sys.executable, "-m", "fastapi", "run", str(BACKEND / "main.py"), "--port", "0")
TASKS = "/api/user_123/tasks"


@pytest.mark.parametrize(
    ("program", "ending"),
    [(UVICORN, signal.SIGTERM), (FASTAPI, signal.SIGINT)],
    ids=["uvicorn", "fastapi"],
)
def test_application_brings_its_database(
    data_dir: Path, program: tuple[str, ...], ending: signal.Signals
) -> None:
    """It is there before the first request and gone with the server."""
    with started(program=program, env=environment(data_dir)) as process:
        port = process.wait_for(r"running on http://\S+?:(\d+)")[1]
        tasks = f"http://127.0.0.1:{port}{TASKS}"
        assert get(tasks, token=token_for("user_123"))[0] == 200
        process.end(ending)

    assert "Traceback" not in process.said
    assert "database system is shut down" in (data_dir / "postgres.log").read_text()


async def test_second_ctrl_c_leaves_no_database(data_dir: Path) -> None:
    """It makes uvicorn skip the end of the application, which would have stopped it."""
    with started(program=UVICORN, env=environment(data_dir)) as process:
        url = await asyncio.to_thread(lambda: process.url)
        async with locked_tasks(address_of(data_dir)) as blocked:
            request = Request(f"{url}{TASKS}")
            await blocked()
            process.send(signal.SIGINT)
            await asyncio.to_thread(process.wait_for, "Shutting down")
            process.send(signal.SIGINT)
            await asyncio.to_thread(process.end)

    assert request.status() != 200


def test_start_that_fails(no_data: Path) -> None:
    """The reason is one line of the log, and not a traceback."""
    no_data.write_text("")

    with started(program=UVICORN, env=environment(no_data)) as process:
        assert process.end() == 3

    assert "is a file: set another DATA_DIR" in process.said
    assert "Traceback" not in process.said


def test_configuration_that_is_wrong(no_data: Path) -> None:
    """A line for each problem, as from `todo-backend serve`."""
    with started(program=UVICORN, env=environment(no_data, PORT="x", WORKERS="0")) as process:
        assert process.end() == 2

    assert {line.split()[0] for line in process.said.splitlines()} == {"PORT", "WORKERS"}
