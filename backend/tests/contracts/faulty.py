"""Contracts with defects: each is a registered one with routes that raise, added as any route is.

No product code is replaced: a 500 needs a defect, and these are some.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Final, NoReturn

import asyncpg

from todo_backend.contracts import CONTRACTS
from todo_backend.web.answer import Answer
from todo_backend.web.contract import Contract
from todo_backend.web.operation import Route

CANARY: Final = "hunter2-canary"
"""What no log may hold, and no answer outside debug mode."""


def _plainly() -> NoReturn:
    raise RuntimeError(f"the password is {CANARY}")


def _with_a_cause() -> NoReturn:
    try:
        int(CANARY)
    except ValueError as error:
        raise LookupError(f"no {CANARY}") from error
    raise AssertionError


def _by_the_driver() -> NoReturn:
    raise asyncpg.DataError(f"invalid input for query argument $1: '{CANARY}'")


def _by_the_codec() -> NoReturn:
    raise UnicodeEncodeError("utf-8", f"{CANARY}\ud800", len(CANARY), len(CANARY) + 1, CANARY)


def _without_end() -> NoReturn:
    _without_end()


FAULTS: Final[dict[str, Callable[[], NoReturn]]] = {
    "RuntimeError": _plainly,
    "LookupError": _with_a_cause,
    "DataError": _by_the_driver,
    "UnicodeEncodeError": _by_the_codec,
    "RecursionError": _without_end,
}
"""By the name of what they raise."""


def path_of(fault: str) -> str:
    return f"/api/faults/{fault}"


def contract_with_faults(name: str) -> Contract:
    """Return the registered contract of that name with a route for each fault."""
    contract = CONTRACTS[name]
    return replace(contract, routes=(*contract.routes, *map(_route, FAULTS)))


def _route(fault: str) -> Route:
    async def endpoint() -> Answer:
        FAULTS[fault]()

    return Route("GET", path_of(fault), endpoint, operation_id=f"raise{fault}")
