"""The application of docs/better-auth.md: made of the page's own files, compiled, and run."""

import asyncio
import json
import os
import re
import shutil
import tarfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.clients import node
from tests.docs.snippets import module_of_options, write_files

SOURCE: Final = Path(__file__).parent / "app"
SECRET: Final = "The-secret-of-an-application-on-a-page-5"
_PATIENCE_SECONDS: Final = 60.0
_HOOKS: Final = ("node", "--import", "./hooks.mjs")


@dataclass(frozen=True, slots=True)
class PageApp:
    """A running application: where its pages are, where it listens, and what it is made of."""

    url: str
    inside: str
    folder: Path

    async def visit(self, api: str, *deeds: str, page: str = "") -> dict[str, Any]:
        """Have somebody sign up in a browser, and do what visit.mjs calls by these names."""
        env = {
            "PAGE": page or self.url,
            "BETTER_AUTH_URL": self.url,
            "NEXT_PUBLIC_TODO_API": api,
        }
        said = await node.run(*_HOOKS, "visit.mjs", *deeds, cwd=self.folder, env=env)
        found: dict[str, Any] = json.loads(said.splitlines()[-1])
        return found


async def install(folder: Path, *, with_next: bool = False) -> None:
    """Install what the page names there, and this repository's client as it is published."""
    for name in ("package.json", "package-lock.json"):
        shutil.copy(SOURCE / name, folder)
    others = () if with_next else ("--omit=optional",)
    wanted = ("npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", *others)
    packed, _ = await asyncio.gather(_packed_client(folder), node.run(*wanted, cwd=folder))
    modules = folder / "node_modules"
    with tarfile.open(packed) as files:
        files.extractall(modules, filter="data")
    (modules / "package").rename(modules / "todo-backend-client")
    for name in ("openapi-fetch", "openapi-typescript-helpers"):
        shutil.copytree(node.CLIENT / "node_modules" / name, modules / name)


async def _packed_client(folder: Path) -> Path:
    await node.install()
    # It builds first, which takes seconds; the client's own tests may have done that.
    as_it_is = ("--ignore-scripts",) if _is_client_built() else ()
    said = await node.run("npm", "pack", *as_it_is, "--pack-destination", str(folder))
    return folder / said.splitlines()[-1]


def _is_client_built() -> bool:
    sources = [*node.CLIENT.glob("*.json"), *(node.CLIENT / "src").rglob("*.ts")]
    made = [path.stat().st_mtime for path in (node.CLIENT / "dist").rglob("*.js")]
    return bool(made) and min(made) > max(path.stat().st_mtime for path in sources)


async def build(folder: Path) -> list[str]:
    """Compile the page's files there, strictly; return their names."""
    names = write_files(folder)
    (folder / "lib" / "options.ts").write_text(module_of_options(), encoding="utf-8")
    for path in SOURCE.glob("*.mjs"):
        shutil.copy(path, folder)
    shutil.copy(SOURCE / "tsconfig.json", folder)
    await node.run("node", "node_modules/typescript/bin/tsc", cwd=folder)
    return names


@asynccontextmanager
async def running(folder: Path, settings: Mapping[str, str]) -> AsyncIterator[PageApp]:
    """Run the application with these settings, on any free port."""
    async with _process(*_HOOKS, "serve.mjs", cwd=folder, env=settings) as process:
        inside = (await _said(process, r"READY (\S+)"))[1]
        yield PageApp(settings["BETTER_AUTH_URL"] or inside, inside, folder)


@asynccontextmanager
async def running_next(folder: Path, settings: Mapping[str, str]) -> AsyncIterator[PageApp]:
    """Run what `next build` has made at the address that the settings name."""
    url = settings["BETTER_AUTH_URL"]
    command = ("node", "node_modules/next/dist/bin/next", "start", "--port", url.rpartition(":")[2])
    async with _process(*command, cwd=folder, env=settings) as process:
        await _said(process, "Ready in")
        yield PageApp(url, url, folder)


@asynccontextmanager
async def _process(
    *command: str, cwd: Path, env: Mapping[str, str]
) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=cwd,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={"PATH": os.environ["PATH"], "NEXT_RUNTIME": "nodejs", **env},
    )
    try:
        yield process
    finally:
        process.terminate()
        await asyncio.wait_for(process.communicate(), _PATIENCE_SECONDS)


async def _said(process: asyncio.subprocess.Process, pattern: str) -> re.Match[str]:
    assert process.stdout is not None
    said = ""
    async with asyncio.timeout(_PATIENCE_SECONDS):
        while line := await process.stdout.readline():
            said += line.decode()
            if found := re.search(pattern, line.decode()):
                return found
    raise AssertionError(said)
