"""docs/better-auth.md from its first command: a real Next.js makes, builds and serves the page."""

import shlex
import socket
from collections.abc import Iterator
from pathlib import Path
from shutil import rmtree

import pytest

from tests.clients import node
from tests.database.databases import url_of
from tests.docs import page_app
from tests.docs.snippets import snippets, under, write_files
from tests.support.client import client_for
from tests.support.server import environment, serving
from todo_backend.database.url import ConnectArgs

MAKE = "2. Make the application"
CREATE = "npx create-next-app@latest "
QUIET = {"NEXT_TELEMETRY_DISABLED": "1", "CI": "1"}

pytestmark = pytest.mark.slow


@pytest.fixture(name="folder")
def _folder(tmp_path: Path) -> Iterator[Path]:
    """A folder that doesn't stay: it becomes 400 MB."""
    if not node.is_here():
        pytest.skip("needs Node 20 or newer, and npm")
    yield tmp_path
    rmtree(tmp_path, ignore_errors=True)


def command_of_the_page() -> list[str]:
    """Give the words that make the application, without the program that is asked for."""
    blocks = [each.text.splitlines() for each in snippets() if each.language == "sh"]
    [line] = [line for block in blocks for line in block if line.startswith(CREATE)]
    return shlex.split(line.removeprefix(CREATE))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def made(folder: Path) -> Path:
    """Follow the page up to its last file; return where the application is."""
    tools = folder / "tools"
    tools.mkdir()
    await page_app.install(tools, with_next=True)
    create = str(tools / "node_modules" / ".bin" / "create-next-app")
    words = command_of_the_page()
    await node.run(
        create, *words, "--skip-install", "--disable-git", cwd=folder, env={"HOME": str(folder)}
    )
    app = folder / words[0]
    (tools / "node_modules").rename(app / "node_modules")
    write_files(app)
    return app


async def test_from_an_empty_folder_to_a_task_list(
    folder: Path, empty: ConnectArgs, address: ConnectArgs
) -> None:
    """What Next.js itself compiles, with its own strict settings, signs in and lists tasks."""
    url = f"http://localhost:{free_port()}"
    settings = {
        **under(MAKE).settings,
        **QUIET,
        "BETTER_AUTH_URL": url,
        "BETTER_AUTH_SECRET": page_app.SECRET,
        "DATABASE_URL": url_of(empty),
    }
    app = await made(folder)
    await node.run("node", "node_modules/next/dist/bin/next", "build", cwd=app, env=settings)
    browser = folder / "browser"
    browser.mkdir()
    (browser / "node_modules").symlink_to(app / "node_modules")
    await page_app.build(browser)

    env = environment(url_of(address), BETTER_AUTH_URL=url, ALLOWED_ORIGINS=url)
    async with page_app.running_next(app, settings) as running, serving(env) as served:
        async with client_for("") as client:
            page = await client.get(url)
        visitor = page_app.PageApp(running.url, running.inside, browser)
        done = await visitor.visit(served.url, "live", "fetch", "leave")

    assert "One moment" in page.text
    [task] = done["live"]["tasks"]
    assert (task["title"], task["completed"]) == ("Pay rent", True)
    assert done["fetch"] == [task]
    assert done["leave"] == [[], 401]
