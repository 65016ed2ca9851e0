"""`todo-backend serve`: what it starts, what it says, and whom it answers."""

import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.database.databases import url_of
from tests.database.embedded.given import processes_in
from tests.support.command import Process, environment, get, run, started
from tests.support.users import token_for
from todo_backend.database.url import ConnectArgs

TASKS = "/api/user_123/tasks"


@pytest.fixture(scope="module")
def ours(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder for the server that this file's tests only look at."""
    return shutil.copytree(template, tmp_path_factory.mktemp("serving") / "data")


@pytest.fixture(scope="module")
def serving(ours: Path) -> Iterator[Process]:
    """A development server with its own database."""
    with started("serve", env=environment(ours)) as process:
        process.wait_for("Ctrl-C stops it")
        yield process
        process.popen.terminate()
        assert process.end() == 0
        assert processes_in(ours) == set()


def test_terminal_shows_where_it_serves(serving: Process) -> None:
    """Address, documents and contracts can be read off, and what they name is there."""
    docs = serving.wait_for(r"docs +(http://\S+)")[1]

    assert serving.wait_for(r"contracts +(.+)")[1] == "envelope, accounts"
    assert docs == f"{serving.url}/docs"
    assert get(docs)[0] == 200


def test_request_in_the_terminal_can_be_pasted(serving: Process) -> None:
    """The shell runs it as it stands, and the development user gets an empty list."""
    pasted = serving.wait_for(r"(?s)  (curl .*?)\n\n")[1]

    words = ["sh", "-c", pasted.replace("curl", "curl --silent --show-error", 1)]
    answer = subprocess.run(words, capture_output=True, text=True, check=True).stdout  # noqa: S603 - as shown

    assert '"total":0' in answer


def test_port_is_taken(serving: Process, no_data: Path) -> None:
    """One line says which, and nothing has been started for nothing."""
    port = serving.url.rpartition(":")[2]

    ended = run("serve", env=environment(no_data, PORT=port))

    assert ended.status == 1
    assert f"can't listen on 127.0.0.1:{port}" in ended.complaint
    assert "set another PORT" in ended.complaint
    assert not no_data.exists()


def test_data_folder_is_taken(serving: Process, ours: Path) -> None:
    """One line says by which process."""
    ended = run("serve", env=environment(ours))

    assert ended.status == 1
    assert f"Another server (process {serving.pid}) already uses" in ended.complaint


def test_doctor_beside_a_running_server(serving: Process, ours: Path) -> None:
    """It can't have the database meanwhile, which is a warning and no problem."""
    assert serving.url

    ended = run("doctor", env=environment(ours))

    assert ended.status == 0
    assert "warning  the database is not checked: a server that runs on this" in ended.out


def test_production_shows_no_token(migrated: ConnectArgs, no_data: Path) -> None:
    """Nor is a database of ours started where DATABASE_URL names another."""
    env = environment(
        no_data,
        DATABASE_URL=url_of(migrated),
        ENVIRONMENT="production",
        ALLOWED_ORIGINS="https://app.example",
        SHUTDOWN_DRAIN_SECONDS="0",
    )

    with started("serve", env=env) as process:
        assert get(f"{process.url}{TASKS}", token=token_for("user_123"))[0] == 200
        assert process.end(signal.SIGTERM) == 0

    assert "Bearer" not in process.said
    assert "eyJ" not in process.said
    assert not no_data.exists()
