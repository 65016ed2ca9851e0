"""The cluster: made whole or not at all, with the role and the database `todo` in it."""

import os
import secrets
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from todo_backend.database.embedded import folder, processes
from todo_backend.database.embedded.binaries import MAJOR_VERSION, binary, run
from todo_backend.database.embedded.errors import EmbeddedError
from todo_backend.database.embedded.unprivileged import RunAs

ROLE: Final = "todo"
DATABASE: Final = "todo"

_REMOVAL_TRIES: Final = 50
_REMOVAL_PAUSE_SECONDS: Final = 0.05

_INITDB: Final = (
    f"--username={ROLE}",
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    # The one provider that sorts alike on every system, and the wheel has no ICU.
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--locale=C",
    "--set=timezone=UTC",
    "--set=log_timezone=UTC",
    "--no-instructions",
)


def check(cluster: Path) -> None:
    """Refuse a folder that this release's PostgreSQL can't serve; an absent one is fine.

    Raises: EmbeddedError when another major version made it, or nothing that is PostgreSQL.
    """
    if not cluster.exists() or (cluster.is_dir() and not any(cluster.iterdir())):
        return
    try:
        version = (cluster / "PG_VERSION").read_text("ascii").strip()
    except (FileNotFoundError, NotADirectoryError, UnicodeDecodeError):
        raise EmbeddedError(
            f"{cluster} is not a PostgreSQL cluster: move it away, or set another DATA_DIR."
        ) from None
    if version != MAJOR_VERSION:
        raise EmbeddedError(
            f"{cluster} was made by PostgreSQL {version} and this release has {MAJOR_VERSION}: "
            "dump it with the release that made it and restore it into a new DATA_DIR."
        )


def provide(data_dir: Path, cluster: Path, *, run_as: RunAs, sync: bool) -> str:
    """Make the cluster unless it exists, with the role and the database; return the password.

    A password file that got lost is made anew, and the role's password with it.
    Raises: EmbeddedError with PostgreSQL's own reason.
    """
    password = folder.password(data_dir)
    if password is not None:
        run_as.give(data_dir / "password")
    if (cluster / "PG_VERSION").exists():
        run_as.give(cluster)
        return password or _replace_password(data_dir, cluster, run_as=run_as)
    if password is None:
        password = secrets.token_urlsafe(32)
        folder.keep_password(data_dir, password, run_as=run_as)
    _make(data_dir, cluster, run_as=run_as, sync=sync)
    return password


def remove_drafts(data_dir: Path) -> None:
    """Remove what an interrupted start left of a cluster that was never put in place."""
    for draft in data_dir.glob("postgres.new-*"):
        for _ in range(_REMOVAL_TRIES):
            processes.kill_all(draft)
            shutil.rmtree(draft, ignore_errors=True)
            if not draft.exists():
                break
            # A child of initdb that was only just forked can't be told yet, and still writes.
            time.sleep(_REMOVAL_PAUSE_SECONDS)


def _make(data_dir: Path, cluster: Path, *, run_as: RunAs, sync: bool) -> None:
    # A fresh name: the initdb of a process that was killed may still be writing to its own.
    draft = Path(tempfile.mkdtemp(prefix="postgres.new-", dir=data_dir))
    maker = run_as.maker or run_as
    files = ("-D", str(draft), f"--pwfile={data_dir / 'password'}")
    try:
        maker.give(draft)
        _run("initdb", *_INITDB, *files, *(() if sync else ("--no-sync",)), run_as=maker)
        _execute(draft, f"CREATE DATABASE {DATABASE}", run_as=maker)
        run_as.give(draft)
        draft.rename(cluster)
    except _ProgramError as failure:
        why = folder.reason(failure.said, data_dir=data_dir)
        raise EmbeddedError(
            f"PostgreSQL could not make its cluster in {data_dir}: {why}."
        ) from None
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    if sync and sys.platform != "win32":
        _sync(data_dir)


def _replace_password(data_dir: Path, cluster: Path, *, run_as: RunAs) -> str:
    password = secrets.token_urlsafe(32)
    maker = run_as.maker or run_as
    try:
        maker.give(cluster)
        _execute(cluster, f"ALTER ROLE {ROLE} PASSWORD '{password}'", run_as=maker)
    except _ProgramError as failure:
        why = folder.reason(failure.said, data_dir=data_dir)
        raise EmbeddedError(
            f"The file {data_dir / 'password'} is missing and can't be made anew: {why}."
        ) from None
    finally:
        run_as.give(cluster)
    folder.keep_password(data_dir, password, run_as=run_as)
    return password


class _ProgramError(Exception):
    def __init__(self, said: str) -> None:
        super().__init__()
        self.said = said


def _execute(cluster: Path, statement: str, *, run_as: RunAs) -> None:
    # No server has to be up for it. What a failure says must not repeat the statement.
    settings = ("exit_on_error=on", "log_min_error_statement=panic", "log_error_verbosity=terse")
    options = [word for setting in settings for word in ("-c", setting)]
    words = ("--single", "-D", str(cluster), *options, "postgres")
    _run("postgres", *words, run_as=run_as, say=statement)


def _run(program: str, *arguments: str, run_as: RunAs, say: str = "") -> None:
    outcome = run(*run_as.prefix, binary(program), *arguments, say=say)
    if outcome.returncode != 0:
        raise _ProgramError(outcome.stdout)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
