"""The command line: which part of the comparison, how long, on which data."""

import argparse
import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.cells import CELLS, CONTRACT_SIDES, SIDES, TOKEN_SIDES, DataSet, Plan, Side

_FULL: Final[Mapping[str, int]] = {"rounds": 5, "seconds": 5, "warm_up_seconds": 2}
_QUICK: Final[Mapping[str, int]] = {"rounds": 2, "seconds": 2, "warm_up_seconds": 1}
_PAGE: Final = 50


@dataclass(frozen=True, slots=True)
class _Defaults:
    sides: tuple[Side, ...]
    cells: tuple[str, ...]
    connections: tuple[int, ...]
    tasks: int
    users: int


_OF_SERVERS: Final = _Defaults(SIDES, tuple(CELLS), (64, 1000), 1_000_000, 1_000)
# A list of `accounts` is all of a user's tasks: what is compared must be as long everywhere.
_OF_CONTRACTS: Final = _Defaults(
    CONTRACT_SIDES, ("list", "create"), (64,), 250_000, 250_000 // _PAGE
)
_OF_TOKENS: Final = _Defaults(TOKEN_SIDES, ("list",), (64,), 250_000, 1_000)


def parse() -> tuple[Plan, Path | None]:
    """Return the run that was asked for and, if one was named, the folder of the database."""
    parser = _parser()
    given = parser.parse_args()
    defaults = _OF_SERVERS
    if given.contracts or given.token_kinds:
        defaults = _OF_CONTRACTS if given.contracts else _OF_TOKENS
    tasks, users = given.tasks or defaults.tasks, given.users or defaults.users
    if not 1 < users <= tasks:
        parser.error("at least two users, and a task for each of them")
    if given.contracts and (given.only or tasks > users * _PAGE):
        parser.error(f"--contracts compares all of them, on lists of at most {_PAGE} tasks")
    if given.token_kinds and (given.only or given.contracts):
        parser.error("--tokens compares two servers of its own")
    lengths = _QUICK if given.quick else _FULL
    plan = Plan(
        sides=defaults.sides if given.only is None else (given.only,),
        cells=tuple(CELLS[name] for name in given.cells or defaults.cells),
        connections=tuple(given.connections or defaults.connections),
        rounds=given.rounds or lengths["rounds"],
        seconds=given.seconds or lengths["seconds"],
        warm_up_seconds=lengths["warm_up_seconds"],
        data=DataSet(_user_ids(users), tasks // users),
        json_file=given.json,
        markdown=given.markdown,
    )
    return plan, given.data_dir


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="script/bench",
        description="Compare this server with the one that the specification spells out, on the"
        " same PostgreSQL and data. BENCH_DATABASE_URL names an empty database to use instead of"
        " an embedded one.",
    )
    add = parser.add_argument
    add("--cells", type=_cells, help=f"any of {','.join(CELLS)}")
    add("--connections", type=_numbers, help="default 64,1000")
    add("--only", choices=SIDES, help="run one of the two servers")
    add("--contracts", action="store_true", help="compare envelope with the other contracts")
    add(
        "--tokens",
        action="store_true",
        dest="token_kinds",
        help="compare tokens by published keys (EdDSA) with tokens by the secret (HS256)",
    )
    add("--rounds", type=_positive, help="turns of each server in a cell, default 5")
    add("--seconds", type=_positive, help="length of a turn, default 5")
    add("--quick", action="store_true", help="2 rounds of 2 s: a look, not a measurement")
    add("--tasks", type=_positive, help="rows, default 1,000,000")
    add("--users", type=_positive, help="their owners, default 1,000")
    add("--data-dir", type=_path, help="keep the embedded database and its rows there")
    add("--json", type=_path, metavar="FILE", help="write all figures to FILE")
    add("--markdown", action="store_true", help="print the table as Markdown")
    return parser


def _cells(text: str) -> list[str]:
    names = text.split(",")
    unknown = [name for name in names if name not in CELLS]
    if unknown:
        raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: not one of {', '.join(CELLS)}")
    return names


def _numbers(text: str) -> list[int]:
    return [_positive(number) for number in text.split(",")]


def _positive(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text)):
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive number")
    return int(text)


def _path(text: str) -> Path:
    # script/bench changes to backend/; a relative path means the folder it was called in.
    return Path(os.environ.get("BENCH_CALLER_DIR", ".")) / text


def _user_ids(count: int) -> tuple[str, ...]:
    """As long and as random as Better Auth's, and the same in every run."""
    return tuple(hashlib.sha256(f"bench {n}".encode()).hexdigest()[:32] for n in range(count))
