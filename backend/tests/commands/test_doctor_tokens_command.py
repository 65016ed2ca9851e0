"""`todo-backend doctor --token` as it is typed: arguments, standard input, exit status."""

import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.commands.examining import require_no_part
from tests.database.databases import url_of
from tests.support import tokens
from tests.support.command import COMMAND, PATIENCE_SECONDS, Ended, environment, started
from tests.support.server import SECRET
from todo_backend.database.url import ConnectArgs

NOW = int(time.time())
GOOD = tokens.signed({"sub": "user_1", "iat": NOW, "exp": NOW + 900}, secret=SECRET)
FORGED = f"{GOOD[:-8]}AAAAAAAA"
OWN = tokens.signed({"sub": "u", "exp": NOW + 900, "sid": f"tbs_{'a' * 22}"}, secret=SECRET)


def doctor(*words: str, env: dict[str, str], text: str = "") -> Ended:
    """Run it with something on its standard input, and hold that it repeats nothing of it."""
    done = subprocess.run(  # noqa: S603 - the product's own command
        [*COMMAND, "doctor", *words],
        env=env,
        cwd=Path(env["DATA_DIR"]).parent,
        input=text,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    require_no_part(text, *words, SECRET, said=done.stdout + done.stderr)
    return Ended(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize("from_input", [False, True], ids=["argument", "standard input"])
@pytest.mark.parametrize(("token", "status"), [(GOOD, 0), (FORGED, 1)], ids=["good", "forged"])
def test_status_tells_whether_it_is_accepted(
    no_data: Path, token: str, status: int, *, from_input: bool
) -> None:
    """Either way in, no database is started for a token that needs none."""
    env = environment(no_data)

    given, text = ("-", f"Bearer {token}\n") if from_input else (token, "")
    ended = doctor("--token", given, env=env, text=text)

    assert (ended.status, ended.err) == (status, "")
    assert "this deployment" in ended.out.splitlines()[-1]
    assert not no_data.exists()


def test_nothing_on_the_standard_input(no_data: Path) -> None:
    """An empty clipboard is told from a bad token."""
    ended = doctor("--token", "-", env=environment(no_data))

    assert ended.status == 1
    assert "there is no token" in ended.out


def test_wrong_settings_are_another_status(no_data: Path) -> None:
    """Nothing can be said of a token where the server would not start."""
    ended = doctor("--token", "-", env=environment(no_data, PORT="x"), text=GOOD)

    assert ended.status == 2
    assert ended.complaint.startswith("PORT ")
    assert ended.out == ""


@pytest.mark.parametrize("token", [[], ["--token", "-"]], ids=["deployment", "token"])
def test_where_the_settings_are_from(no_data: Path, token: list[str]) -> None:
    """A server that was started with others judges otherwise, so the first line tells."""
    env = environment(no_data, DATABASE_URL="postgresql://u:p@127.0.0.1:1/db")
    file = no_data.parent / ".env"

    alone = doctor(*token, env=env, text=GOOD)
    file.write_text("JWT_ISSUER=https://app.example\n", encoding="utf-8")
    with_file = doctor(*token, env=env, text=GOOD)

    start = "ok       the settings are read from this command's environment"
    assert alone.out.startswith(f"{start} alone: there is no {file}. A server")
    assert with_file.out.startswith(f"{start}, then from {file}. A server")


def test_user_and_origin_make_the_status_too(no_data: Path) -> None:
    """A good token is of no use with another's address, or where the browser hides answers."""
    env = environment(no_data)

    ended = doctor("--token", "-", "--user", "user_2", "--origin", "http://x", env=env, text=GOOD)

    assert ended.status == 1
    assert [line.split()[0] for line in ended.out.splitlines()][-3:] == ["ok", "problem", "problem"]
    alone = doctor("--user", "user_2", env=env)
    assert alone.status == 2
    assert "--token" in alone.err


def test_origin_without_a_token(data_dir: Path) -> None:
    """It is one more finding of the whole check."""
    ended = doctor("--origin", "http://localhost:3000/", env=environment(data_dir))

    assert ended.status == 0
    assert 'the origin "http://localhost:3000" is in ALLOWED_ORIGINS' in ended.out


async def test_session_that_has_ended(migrated: ConnectArgs, no_data: Path) -> None:
    """Its signature and its claims are good, and its row is gone."""
    ended = doctor(
        "--token", "-", env=environment(no_data, DATABASE_URL=url_of(migrated)), text=OWN
    )

    assert ended.status == 1
    assert "an access token of this backend's own accounts" in ended.out
    assert "session of this backend's accounts has ended" in ended.out


def test_embedded_database(data_dir: Path) -> None:
    """It is started for a session's sake; where a server has it, that is what is said."""
    env = environment(data_dir)
    alone = doctor("--token", "-", env=env, text=OWN)
    with started("serve", env=env) as server:
        assert server.url
        beside = doctor("--token", "-", env=env, text=OWN)
        good = doctor("--token", "-", env=env, text=GOOD)
        server.end(signal.SIGTERM)

    assert "has ended" in alone.out
    assert "can't say at the moment" in beside.out
    assert "stop the server that runs on this data folder" in beside.out
    assert (alone.status, beside.status, good.status) == (1, 1, 0)
