"""`python -m tests.isolation.planted`: which planted bug is found by whom, as a table."""

import asyncio
import sys
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path

from tests.database.databases import SHAPES, database, session
from tests.isolation.planting import Found, hunt
from tests.isolation.stage import copied
from tests.isolation.test_planted import BUGS
from todo_backend.database import migrate
from todo_backend.database.embedded import EmbeddedPostgres
from todo_backend.database.url import ConnectArgs, parse


def main() -> int:
    with (
        tempfile.TemporaryDirectory(prefix="todo-isolation-") as folder,
        EmbeddedPostgres.start(Path(folder, "postgres"), options={"fsync": "off"}) as server,
    ):
        return asyncio.run(_table(parse(server.url)))


async def _table(server: ConnectArgs) -> int:
    missed = 0
    print("| bug | | wall down | found by | after |\n|---|---|---|---|---|")  # noqa: T201 - the table
    async with database(server) as model:
        await migrate.up(model, SHAPES)
        for bug in BUGS:
            async with AsyncExitStack() as stack:
                args = await stack.enter_async_context(copied(model))
                truth = await stack.enter_async_context(session(args))
                found = await hunt(bug, args, truth)
            missed += found is None
            cells = [f"`{bug.name}`", bug.what, bug.without or "", *_cells(found)]
            print(f"| {' | '.join(cells)} |", flush=True)  # noqa: T201 - the table
    return 1 if missed else 0


def _cells(found: Found | None) -> list[str]:
    if found is None:
        return ["nobody", ""]
    by = found.by if found.operations is not None else f"`{found.by}`"
    return [by, "" if found.operations is None else str(found.operations)]


if __name__ == "__main__":
    sys.exit(main())
