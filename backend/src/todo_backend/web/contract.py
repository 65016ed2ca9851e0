"""What a wire contract is, to the rest of the application."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from todo_backend.database.accounts import ACCOUNTS
from todo_backend.database.functions import FunctionSet, Shape
from todo_backend.database.upkeep import UPKEEP
from todo_backend.model.errors import TodoError
from todo_backend.web.answer import Answer
from todo_backend.web.openapi import ErrorResponses
from todo_backend.web.operation import Route


@dataclass(frozen=True, slots=True)
class Contract:
    """One way to put the product on the wire.

    Of the contracts with the same `family` of URLs a deployment serves at most one. `shape` writes
    its tasks, `present` says its errors and `describe` documents them.
    """

    name: str
    family: str
    shape: Shape
    present: Callable[[TodoError], Answer]
    describe: ErrorResponses
    routes: Sequence[Route]


def function_sets(contracts: Iterable[Contract]) -> list[FunctionSet]:
    """Return what a database needs for these contracts: how each writes a task, and the rest."""
    return [ACCOUNTS, UPKEEP, *(contract.shape for contract in contracts)]
