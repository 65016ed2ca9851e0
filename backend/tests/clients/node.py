"""Node and npm, as those who build the TypeScript client have them."""

import asyncio
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

CLIENT: Final = Path(__file__).parents[3] / "clients" / "typescript"

_MAJOR_MIN: Final = 20
# Longer than anything here takes on a slow machine: it turns a hang into a failure.
_PATIENCE_SECONDS: Final = 300.0


def is_here() -> bool:
    """Whether this machine has npm, and a Node that the client runs on."""
    node = shutil.which("node")
    if not node or not shutil.which("npm"):
        return False
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True)  # noqa: S603 - the user's own Node
    found = re.match(r"v(\d+)\.", version.stdout)
    return found is not None and int(found[1]) >= _MAJOR_MIN


async def run(*words: str, cwd: Path = CLIENT, env: Mapping[str, str] | None = None) -> str:
    """Run a command to its end and return what it printed; a failure shows all of it."""
    process = await asyncio.create_subprocess_exec(
        *words,
        cwd=cwd,
        env={**os.environ, "NO_COLOR": "1", **(env or {})},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        out, _ = await asyncio.wait_for(process.communicate(), _PATIENCE_SECONDS)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    said = out.decode("utf-8", "replace")
    assert process.returncode == 0, f"{' '.join(words)}\n{said}"
    return said


async def install() -> None:
    """Install what the client's lock names, unless that is what is there: it needs the registry."""
    lock = (CLIENT / "package-lock.json").read_bytes()
    # npm takes the whole folder away before it starts, and this file with it.
    stamp = CLIENT / "node_modules" / ".installed"
    if stamp.exists() and stamp.read_bytes() == lock:
        return
    await run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
    stamp.write_bytes(lock)
