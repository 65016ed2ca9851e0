"""Starts that can't succeed, and those that have to wait: a line, or 503 until it is mended."""

import signal
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import asyncpg
import pytest
import pytest_asyncio

from tests.database.databases import SHAPES, session, url_of
from tests.database.embedded.given import QUICK
from tests.support.command import environment, get, run, started, until
from tests.support.users import token_for
from todo_backend import startup
from todo_backend.database.embedded import EmbeddedPostgres
from todo_backend.database.reach import DatabaseUnfit
from todo_backend.database.url import ConnectArgs

CANARY = "canary51c7"
TASKS = "/api/user_123/tasks"


@pytest_asyncio.fixture
async def newcomer(empty: ConnectArgs, superuser: asyncpg.Connection) -> AsyncIterator[ConnectArgs]:
    """A login role that may connect to an empty database and nothing else."""
    await superuser.execute(f"CREATE ROLE newcomer LOGIN PASSWORD '{CANARY}'")
    yield replace(empty, user="newcomer", password=CANARY)
    await superuser.execute("DROP ROLE newcomer")


def test_first_start_makes_everything(no_data: Path) -> None:
    """An empty place and no variable but PORT: a secret is kept, and the token shown is good."""
    env = environment(no_data)
    del env["BETTER_AUTH_SECRET"]

    with started("serve", env=env) as process:
        token = process.wait_for(r"Bearer ([\w.-]+)")[1]
        assert get(f"{process.url}{TASKS}", token=token)[0] == 200
        assert process.end(signal.SIGINT) == 0

    assert (no_data / "better-auth-secret").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"password": CANARY}, "refuses the user name or the password"),
        pytest.param({"database": CANARY}, "has no database of the name", marks=pytest.mark.slow),
        pytest.param(
            {"hosts": (f"{CANARY}.invalid",), "ports": (5432,)},
            "host name is unknown",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_wrong_address(
    address: ConnectArgs, no_data: Path, change: dict[str, object], sentence: str
) -> None:
    """Waiting would mend none of these: one line tells which, without a value of the address."""
    wrong = replace(address, **change)  # type: ignore[arg-type] # the parameters name fields

    ended = run("serve", env=environment(no_data, DATABASE_URL=url_of(wrong)))

    assert ended.status == 1
    assert sentence in ended.complaint
    assert CANARY not in ended.err + ended.out


def test_user_may_not_migrate(newcomer: ConnectArgs, no_data: Path) -> None:
    """The start ends with a line that says who may, and how to serve without."""
    ended = run("serve", env=environment(no_data, DATABASE_URL=url_of(newcomer)))

    assert ended.status == 1
    assert "may not change the schema" in ended.complaint
    assert "MIGRATE_ON_START=false" in ended.complaint


async def test_table_of_somebody_else(empty: ConnectArgs) -> None:
    """A database that another application uses is left as it is."""
    async with session(empty) as connection:
        await connection.execute("CREATE TABLE tasks (theirs text)")

        with pytest.raises(DatabaseUnfit, match="a table of somebody else"):
            await startup.prepare(empty, SHAPES, migrates=True, timeout_seconds=30)

        assert await connection.fetchval("SELECT to_regclass('users')") is None


def test_start_that_leaves_migrating_to_others(empty: ConnectArgs, no_data: Path) -> None:
    """It serves 503 until somebody has migrated, and says what it waits for."""
    env = environment(no_data, DATABASE_URL=url_of(empty), MIGRATE_ON_START="false")

    with started("serve", env=env) as process:
        tasks, token = f"{process.url}{TASKS}", token_for("user_123")
        assert get(tasks, token=token)[0] == 503
        process.wait_for("run: todo-backend migrate up")
        assert run("migrate", "up", env=env).status == 0

        assert get(tasks, token=token)[0] == 200


def test_database_that_starts_later(data_dir: Path, no_data: Path) -> None:
    """The server starts without it, answers 503, and recovers by itself when it is there."""
    password = (data_dir / "password").read_text().strip()
    socket = quote(str(data_dir / "socket"), safe="")
    url = f"postgresql://todo:{password}@/todo?host={socket}&port=5432"

    with started(
        "serve", env=environment(no_data / "x", DATABASE_URL=url), cwd=data_dir
    ) as process:
        process.wait_for("answers are 503 for now: no database has its socket")
        assert get(f"{process.url}/livez")[0] == 200
        assert get(f"{process.url}/health")[0] == 503

        with EmbeddedPostgres.start(data_dir, options=QUICK):
            until(lambda: get(f"{process.url}{TASKS}", token=token_for("user_123"))[0] == 200)


def test_lg_03_lg_04_lg_05_every_problem_of_the_configuration(no_data: Path) -> None:
    """A line each, without the value, and the status that says it was the configuration."""
    others = {"PORT": CANARY, "WORKERS": "0", "DEBUG": "true", "BETTER_AUTH_SECRET": CANARY}
    env = environment(no_data, ENVIRONMENT="production", **others)

    ended = run("serve", env=env)

    assert ended.status == 2
    assert {line.split()[0] for line in ended.err.splitlines()} == {
        "PORT",
        "WORKERS",
        "DEBUG",
        "BETTER_AUTH_SECRET",
        "ALLOWED_ORIGINS",
    }
    assert CANARY not in ended.err


def test_data_folder_that_is_none(no_data: Path) -> None:
    """One line says so."""
    no_data.write_text("")

    ended = run("serve", env=environment(no_data))

    assert ended.status == 1
    assert "is a file: set another DATA_DIR" in ended.complaint


async def test_newer_release_has_migrated(migrated: ConnectArgs, no_data: Path) -> None:
    """While a deployment rolls, a process of the release before starts anew and serves."""
    async with session(migrated) as connection:
        await connection.execute("UPDATE todo_alembic_version SET version_num = '9999'")

    with started("serve", env=environment(no_data, DATABASE_URL=url_of(migrated))) as process:
        assert get(f"{process.url}{TASKS}", token=token_for("user_123"))[0] == 200

    assert "a newer release has migrated the database" in process.said
