"""One run of wrk against one server, and what came out of it."""

import asyncio
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.cells import BenchError, Cell, DataSet
from bench.servers import Server

_LUA: Final = Path(__file__).resolve().parent / "lua"
THREADS: Final = 2
# wrk leaves a later answer out of its percentiles; its default of 2 s would flatter a slow server.
TIMEOUT_SECONDS: Final = 10
_MEMORY_INTERVAL_SECONDS: Final = 0.1


@dataclass(frozen=True, slots=True)
class Load:
    """A cell at a number of connections. Deletable ids are consecutive from `delete_first`."""

    cell: Cell
    connections: int
    seconds: int
    seed: int
    data: DataSet
    delete_first: int = 1
    delete_count: int = 0
    strict: bool = False


@dataclass(frozen=True, slots=True)
class Usage:
    """What the server's processes took during one run, the database not counted."""

    peak_resident_bytes: int
    processor_seconds: float


@dataclass(frozen=True, slots=True)
class Sample:
    """Figures of one run. `status` counts answers of 400 and above, in a strict run all but 2xx."""

    requests: int
    seconds: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    max_ms: float
    connect: int
    read: int
    write: int
    timeout: int
    status: int
    exhausted: bool
    usage: Usage

    @property
    def per_second(self) -> float:
        return self.requests / self.seconds


async def run(server: Server, load: Load, tokens: Path) -> Sample:
    """Load the server for `load.seconds`, with a line "<user id> <token>" of `tokens` per user.

    Raises: BenchError when wrk itself fails.
    """
    process = await asyncio.create_subprocess_exec(
        *_command(server, load),
        cwd=_LUA,
        env=_settings(load)
        | {
            "BENCH_TOKENS": str(tokens),
            "BENCH_COLLECTION": server.collection,
            "BENCH_COMPLETION": server.completion,
        },
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    used = server.processor_seconds()
    watch = asyncio.create_task(_peak_resident_bytes(server, process))
    try:
        output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    usage = Usage(await watch, server.processor_seconds() - used)
    return _sample(output.decode(errors="replace"), usage, strict=load.strict)


def _command(server: Server, load: Load) -> tuple[str, ...]:
    wrk = shutil.which("wrk")
    if wrk is None:
        raise BenchError("wrk is not installed; apt-get install wrk")
    return (
        wrk,
        f"--threads={THREADS}",
        f"--connections={load.connections}",
        f"--duration={load.seconds}s",
        f"--timeout={TIMEOUT_SECONDS}s",
        "--script=load.lua",
        server.url,
    )


def _settings(load: Load) -> dict[str, str]:
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "BENCH_THREADS": str(THREADS),
        "BENCH_SEED": str(load.seed),
        "BENCH_MIX": " ".join(f"{name}={percent}" for name, percent in load.cell.mix.items()),
        "BENCH_TASKS_PER_USER": str(load.data.tasks_per_user),
        "BENCH_DELETE_FIRST": str(load.delete_first),
        "BENCH_DELETE_COUNT": str(load.delete_count),
        "BENCH_STRICT": "1" if load.strict else "0",
    }


async def _peak_resident_bytes(server: Server, process: asyncio.subprocess.Process) -> int:
    peak = server.resident_bytes()
    while process.returncode is None:
        await asyncio.sleep(_MEMORY_INTERVAL_SECONDS)
        peak = max(peak, server.resident_bytes())
    return peak


def _sample(output: str, usage: Usage, *, strict: bool) -> Sample:
    line = next((line for line in output.splitlines() if line.startswith("BENCH ")), None)
    if line is None:
        raise BenchError(f"wrk gave no figures:\n{output}")
    figures: dict[str, int] = json.loads(line.removeprefix("BENCH "))
    return Sample(
        requests=figures["requests"],
        seconds=figures["duration_us"] / 1e6,
        p50_ms=figures["p50_us"] / 1e3,
        p95_ms=figures["p95_us"] / 1e3,
        p99_ms=figures["p99_us"] / 1e3,
        max_ms=figures["max_us"] / 1e3,
        connect=figures["connect"],
        read=figures["read"],
        write=figures["write"],
        timeout=figures["timeout"],
        status=figures["unexpected" if strict else "status"],
        exhausted=bool(figures["exhausted"]),
        usage=usage,
    )
