"""What is measured: the operations, the loads made of them, and what a run was asked for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

Side = Literal["product", "baseline", "plain", "rich", "accounts", "eddsa", "hs256"]
SIDES: Final[tuple[Side, ...]] = ("product", "baseline")
CONTRACT_SIDES: Final[tuple[Side, ...]] = ("product", "plain", "rich", "accounts")
TOKEN_SIDES: Final[tuple[Side, ...]] = ("eddsa", "hs256")
# Two processes of the same code differ by more than these tokens do, so one takes both.
ONE_SERVER: Final[Mapping[Side, Side]] = {"hs256": "eddsa"}
CONTRACTS: Final[Mapping[Side, str]] = {
    "product": "envelope",
    "plain": "plain",
    "rich": "rich",
    "accounts": "accounts",
    "eddsa": "envelope",
    "hs256": "envelope",
}
"""The contract that each server of ours serves."""

# A turn at 1,000 connections takes twice `seconds`.
_CONNECTIONS_FOR_LONGER: Final = 500


class BenchError(Exception):
    """The comparison cannot start or go on; the text is one line for the person who started it."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One load. `mix` says what percentage of the requests each operation gets."""

    name: str
    mix: Mapping[str, int]

    @property
    def adds_or_removes_rows(self) -> bool:
        return not {"create", "delete"}.isdisjoint(self.mix)

    @property
    def writes(self) -> bool:
        return not set(self.mix) <= {"list", "get"}

    @property
    def delete_share(self) -> float:
        return self.mix.get("delete", 0) / 100


# Somebody who works through a list: opens it, looks at single tasks, changes one in four times.
_MIXED: Final = {"list": 50, "get": 25, "create": 10, "put": 5, "complete": 5, "delete": 5}
_SINGLE: Final = ("list", "get", "create", "put", "complete", "delete")

CELLS: Final[Mapping[str, Cell]] = {name: Cell(name, {name: 100}) for name in _SINGLE} | {
    "mixed": Cell("mixed", _MIXED)
}


@dataclass(frozen=True, slots=True)
class DataSet:
    """Rows in each server's tables before a cell starts: `tasks_per_user` for every user."""

    user_ids: tuple[str, ...]
    tasks_per_user: int

    @property
    def task_count(self) -> int:
        return len(self.user_ids) * self.tasks_per_user


@dataclass(frozen=True, slots=True)
class Plan:
    """One run. `rounds` times, each side in turn is loaded for `seconds_at()` in each cell.

    The first side is compared with each of the others.
    """

    sides: tuple[Side, ...]
    cells: tuple[Cell, ...]
    connections: tuple[int, ...]
    rounds: int
    seconds: int
    warm_up_seconds: int
    data: DataSet
    json_file: Path | None
    markdown: bool

    @property
    def pairs(self) -> Sequence[tuple[Side, ...]]:
        """Return what is compared; a side that is alone is a pair without a second."""
        first, *others = self.sides
        return [(first, other) for other in others] or [(first,)]

    def seconds_at(self, connections: int) -> int:
        """Return the length of a turn, longer where many requests are begun and not counted.

        When wrk stops, a request per connection is under way. A slow server would lose a good part
        of its work so.
        """
        return self.seconds * max(1, connections // _CONNECTIONS_FOR_LONGER)
