"""Who is asked about sessions, and when it answers."""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from todo_backend.auth.inquiries import CONFIRMED_SECONDS
from todo_backend.model.errors import DatabaseUnavailable

JUST_UNDER: Final = CONFIRMED_SECONDS - 0.001

Key = TypeVar("Key")
Found = TypeVar("Found")


@dataclass
class Register(Generic[Key, Found]):
    """What there is, and every question about it; `gate` holds answers back.

    As with a statement, what is answered is what was true when it was asked.
    """

    rows: dict[Key, Found]
    asked: list[set[Key]] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    is_away: bool = False

    def __post_init__(self) -> None:
        self.gate.set()

    async def find(self, keys: Collection[Key]) -> Mapping[Key, Found]:
        self.asked.append(set(keys))
        found = {key: self.rows[key] for key in keys if key in self.rows}
        await self.gate.wait()
        if self.is_away:
            raise DatabaseUnavailable("away")
        return found


async def settled() -> None:
    """Let every task come to where it waits."""
    for _ in range(10):
        await asyncio.sleep(0)
