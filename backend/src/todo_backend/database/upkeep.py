"""Calls of the upkeep functions (sql/upkeep.sql): what is past its time goes."""

from collections.abc import Mapping
from typing import Final

from todo_backend.database.functions import LOOKUP_ROLE, RUNTIME_ROLE, FunctionSet, read
from todo_backend.database.pool import Pool

BATCH_KEYS: Final = 1000
"""How many keys are dropped in one transaction."""


class _UpkeepFunctions(FunctionSet):
    def texts(self) -> Mapping[str, str]:
        return {
            LOOKUP_ROLE: read("upkeep_lookup.sql"),
            RUNTIME_ROLE: read("expired_keys.sql") + read("upkeep.sql"),
        }


UPKEEP: Final = _UpkeepFunctions("upkeep")
# The name is of our own making: hexadecimal digits.
_PRUNE: Final = f"SELECT {UPKEEP.schema}.prune_keys($1)"


async def prune_keys(pool: Pool) -> int:
    """Drop every user's idempotency keys that have expired, and return how many there were.

    One transaction for each BATCH_KEYS of them, so that no request waits long.
    Raises: DatabaseUnavailable; what has been dropped until then stays so.
    """
    return await drop_by_batches(pool, _PRUNE, BATCH_KEYS)


async def drop_by_batches(pool: Pool, statement: str, batch: int) -> int:
    """Run a statement that drops at most `batch`, until it finds none; return how many went."""
    total: int = 0
    while True:
        (dropped,) = await pool.write(statement, batch)
        total += dropped
        if not dropped:
            return total
