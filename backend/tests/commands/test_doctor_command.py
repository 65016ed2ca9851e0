"""`todo-backend doctor` as an operator sees it, and what it says of a database out of reach."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from tests.database.databases import SHAPES, session, url_of
from tests.support.command import environment, run
from tests.support.server import environment as deployment
from todo_backend import doctor, migrating
from todo_backend.contracts import CONTRACTS
from todo_backend.database.inspection import Server, known_revisions
from todo_backend.database.reach import Obstacle
from todo_backend.database.url import ConnectArgs, parse
from todo_backend.settings import load

CANARY = "canary51c7"


async def said_of(url: str, **others: str) -> str:
    """The one line about a database that can't be reached."""
    settings = load(
        deployment(url, DATABASE_TIMEOUT="0.5", **others), env_file=None, contracts=tuple(CONTRACTS)
    )
    (finding,) = await doctor.database(parse(url), settings, [])
    assert CANARY not in finding.line
    assert finding.level is doctor.Level.PROBLEM
    return finding.sentence


def test_data_folder_at_rest(data_dir: Path) -> None:
    """The database is started for the check and stopped after it; all is well, status 0."""
    ended = run("doctor", env=environment(data_dir))

    assert ended.status == 0
    assert {line.split()[0] for line in ended.out.splitlines()} == {"ok"}
    assert ended.err == ""


async def test_problem_makes_the_status(migrated: ConnectArgs, no_data: Path) -> None:
    """One line a finding, and status 1."""
    async with session(migrated) as connection:
        await connection.execute("DROP POLICY owner ON tasks")

    ended = run("doctor", env=environment(no_data, DATABASE_URL=url_of(migrated)))

    assert ended.status == 1
    problems = [line for line in ended.out.splitlines() if line.startswith("problem")]
    assert len(problems) == 1
    assert "To mend it: CREATE POLICY owner ON tasks" in problems[0]


def test_configuration_that_is_wrong(no_data: Path) -> None:
    """Each line of it is a problem, without its value."""
    ended = run("doctor", env=environment(no_data, PORT=CANARY, WORKERS="0"))

    assert ended.status == 1
    assert [line.split()[:2] for line in sorted(ended.out.splitlines())] == [
        ["problem", "PORT"],
        ["problem", "WORKERS"],
    ]
    assert CANARY not in ended.out


@pytest.mark.parametrize(
    ("url", "obstacle"),
    [
        (f"postgresql://u:{CANARY}@127.0.0.1:1/db", Obstacle.NOTHING_LISTENS),
        (f"postgresql:///{CANARY}?host=/tmp/{CANARY}", Obstacle.NO_SOCKET),
        (f"postgresql://u:p@{CANARY}.invalid/db", Obstacle.HOST_UNKNOWN),
    ],
)
async def test_nobody_there(url: str, obstacle: Obstacle) -> None:
    """A refused connection, a socket that is missing and an unknown host are told apart."""
    assert await said_of(url) == obstacle.sentence


@pytest.mark.parametrize(
    ("change", "obstacle"),
    [
        ({"password": CANARY}, Obstacle.PASSWORD),
        ({"user": CANARY}, Obstacle.PASSWORD),
        ({"database": CANARY}, Obstacle.DATABASE_UNKNOWN),
    ],
)
async def test_not_let_in(address: ConnectArgs, change: dict[str, str], obstacle: Obstacle) -> None:
    """A wrong password and a wrong database are told apart; PostgreSQL hides wrong users."""
    wrong = replace(address, **change)  # type: ignore[arg-type] # the parameters name fields

    assert await said_of(url_of(wrong)) == obstacle.sentence


@pytest.mark.parametrize(
    ("limit", "obstacle"),
    [
        ("LOGIN CONNECTION LIMIT 0", Obstacle.FULL),
        ("NOLOGIN", Obstacle.NOT_LET_IN),
    ],
)
async def test_role_that_is_kept_out(migrated: ConnectArgs, limit: str, obstacle: Obstacle) -> None:
    """No connection left for it, and no right to have one, are told apart."""
    guest = replace(migrated, user="guest", password="secret")
    async with session(migrated) as connection:
        await connection.execute(f"CREATE ROLE guest PASSWORD 'secret' {limit}")
        try:
            assert await said_of(url_of(guest)) == obstacle.sentence
        finally:
            await connection.execute("DROP ROLE guest")


async def test_user_who_may_not_connect(migrated: ConnectArgs) -> None:
    """The right to connect is a database's own."""
    guest = replace(migrated, user="guest", password="secret")
    async with session(migrated) as connection:
        await connection.execute("CREATE ROLE guest LOGIN PASSWORD 'secret'")
        await connection.execute(f"REVOKE CONNECT ON DATABASE {migrated.database} FROM PUBLIC")
        try:
            assert await said_of(url_of(guest)) == Obstacle.DATABASE_CLOSED_TO_USER.sentence
        finally:
            await connection.execute("DROP ROLE guest")


class Strange(asyncio.Protocol):
    """Answers the first message with one reply, and all that follow with another."""

    def __init__(self, *replies: bytes) -> None:
        self._replies = list(replies)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, _data: bytes) -> None:
        self._transport.write(self._replies.pop(0) if self._replies else b"")


@pytest.mark.parametrize(
    ("replies", "sslmode", "obstacle"),
    [
        ([b"N"], "require", Obstacle.NO_TLS),
        ([b"S", b"HTTP/1.1 400 Bad Request\r\n"], "require", Obstacle.TLS),
        ([], "disable", Obstacle.SILENT),
    ],
)
async def test_strange_server(replies: list[bytes], sslmode: str, obstacle: Obstacle) -> None:
    """No TLS, broken TLS and no answer at all are told apart."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Strange(*replies), "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        url = f"postgresql://u:{CANARY}@127.0.0.1:{port}/db?sslmode={sslmode}"
        assert await said_of(url) == obstacle.sentence


SERVER = Server(
    version=180001,
    version_name="18.1",
    is_standby=False,
    is_read_only=False,
    clock_ahead_seconds=0.1,
    connections=97,
    login="todo",
    may_create_roles=False,
)


@pytest.mark.parametrize(
    ("change", "level", "sentence"),
    [
        ({}, "ok", "the database answers (PostgreSQL 18.1)"),
        ({"clock_ahead_seconds": 4.9}, "ok", "the database answers (PostgreSQL 18.1)"),
        ({"clock_ahead_seconds": -7.2}, "warning", "the database's clock is 7 s behind"),
        ({"clock_ahead_seconds": 3600.0}, "warning", "the database's clock is 3600 s ahead"),
        ({"version": 140009, "version_name": "14.9"}, "problem", "PostgreSQL 14.9 is too old"),
        ({"is_standby": True}, "problem", "the database is a standby, which takes no changes"),
        ({"is_standby": True, "is_read_only": True}, "problem", "the database is a standby"),
    ],
)
def test_server_of_another_kind(change: dict[str, object], level: str, sentence: str) -> None:
    """What no server at hand can be is judged from its facts."""
    settings = load(deployment("postgresql://h"), env_file=None, contracts=tuple(CONTRACTS))

    server = replace(SERVER, **change)  # type: ignore[arg-type] # the parameters name fields
    findings = list(doctor.of_server(server, settings))

    assert findings[-1].level == level
    assert findings[-1].sentence.startswith(sentence)
    assert len(findings) == (1 if level == "ok" else 2)


def test_name_that_holds_what_a_terminal_obeys() -> None:
    """A finding stays on its line, and moves no cursor."""
    finding = doctor.Finding(doctor.Level.WARNING, "role \x1b[2J\nproblem", "mend\u202e")

    assert finding.line == "warning  role \\x1b[2J\\nproblem. To mend it: mend\\u202e"


async def test_revisions_are_alembics(migrated: ConnectArgs) -> None:
    """The names of the migrations' files say what Alembic would, without Alembic."""
    report = await migrating.status(migrated, SHAPES)

    assert known_revisions()[-1] == report.head == report.revision
