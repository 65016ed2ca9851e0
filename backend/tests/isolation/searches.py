"""Lists of a user's own tasks by all that a contract can filter by, in all orders, by pages."""

from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import quote, urlencode

from tests.contracts.drivers import RICH
from tests.isolation import own
from tests.isolation.people import DUES, PRIORITIES, Known, User
from tests.isolation.world import Asking

_STATUSES: Final = {None: None, "all": None, "pending": False, "completed": True}
# Words of everybody's, besides one's own tag: whoever lost the owner finds others' tasks by them.
_WORDS: Final = (("b",), ("SHARED",), ("\u00e9\U0001f600", "<b>"))
_CURSORS_KEPT: Final = 4


@dataclass(frozen=True, slots=True)
class Filters:
    """What a list leaves out. The moments are in UTC, so their spellings compare like them."""

    status: str | None = None
    priorities: tuple[str, ...] = ()
    due_after: str | None = None
    due_before: str | None = None
    is_overdue: bool = False
    words: tuple[str, ...] = ()

    def lets_through(self, known: Known) -> bool:
        text = f"{known.title}\n{known.description or ''}".lower()
        return (
            _STATUSES[self.status] in {None, known.completed}
            and (not self.priorities or known.priority in self.priorities)
            and (self.due_after is None or (known.due or "") > self.due_after)
            and (self.due_before is None or (known.due or "9") < self.due_before)
            and (not self.is_overdue or (is_past(known.due) and not known.completed))
            and all(word.lower() in text for word in self.words)
        )

    def query(self, sort: str) -> str:
        pairs = [("sort", sort), *(("priority", each) for each in self.priorities)]
        others = {"status": self.status, "due_after": self.due_after, "due_before": self.due_before}
        pairs += [(name, value) for name, value in others.items() if value is not None]
        if self.is_overdue:
            pairs.append(("overdue", "true"))
        if self.words:
            pairs.append(("q", " ".join(self.words)))
        return urlencode(pairs, quote_via=quote)


def is_past(due: str | None) -> bool:
    return due is not None and due < max(filter(None, DUES))


async def search(asking: Asking) -> None:
    """By any filters at once."""
    if asking.driver is not RICH:
        await own.sorted_list(asking)
        return
    await _read(asking, _some_filters(asking.user))


async def walk(asking: Asking) -> None:
    """Through the list of all tasks, or of those of a status."""
    if asking.driver is not RICH:
        await own.window(asking)
        return
    await _read(asking, Filters(status=asking.user.chance.choice(list(_STATUSES))))


def _some_filters(user: User) -> Filters:
    """Choose one filter, or a few: many at once let nothing through, of anybody's."""
    chance = user.chance
    found = Filters()
    for _ in range(chance.choice([1, 1, 2, 3])):
        match chance.randrange(6):
            case 0:
                found = replace(found, status=chance.choice(["pending", "completed"]))
            case 1:
                some = chance.sample(PRIORITIES, chance.choice([1, 2]))
                found = replace(found, priorities=tuple(some))
            case 2:
                found = replace(found, due_after=chance.choice(DUES[1:]))
            case 3:
                found = replace(found, due_before=chance.choice(DUES[1:]))
            case 4:
                found = replace(found, is_overdue=True)
            case _:
                found = replace(found, words=chance.choice([*_WORDS, (user.tag,)]))
    return found


async def _read(asking: Asking, filters: Filters) -> None:
    user, chance = asking.user, asking.user.chance
    query = filters.query(chance.choice(["", "-"]) + chance.choice(own.SORTS))
    ids = {task_id for task_id, known in user.tasks.items() if filters.lets_through(known)}
    # The last page is full, or nearly, as often as not.
    limit = min(chance.choice([len(ids), len(ids) // 2, len(ids) // 3, 100]) or 1, 100)
    if chance.random() < 0.3:
        await _read_one(asking, query, ids, limit)
    else:
        await _read_all(asking, query, ids, limit)


async def _read_one(asking: Asking, query: str, ids: set[int], limit: int) -> None:
    """Read a page in the midst, or behind the end."""
    offset = asking.user.chance.choice([0, limit, len(ids) // 2, len(ids)])
    answer = await asking.ask("GET", f"{asking.path}?{query}&limit={limit}&offset={offset}")
    if asking.status(answer, 200):
        size = max(min(limit, len(ids) - offset), 0)
        own.is_part(asking, answer, ids, size=size, total=len(ids))
        asking.is_end(answer, expected=offset + limit >= len(ids))


async def _read_all(asking: Asking, query: str, ids: set[int], limit: int) -> None:
    """Read page after page by cursors, of which the last ones are kept for others to try."""
    user, left = asking.user, set(ids)
    cursor: str | None = ""
    while cursor is not None:
        part = f"&cursor={cursor}" if cursor else ""
        answer = await asking.ask("GET", f"{asking.path}?{query}&limit={limit}{part}")
        if not asking.status(answer, 200):
            return
        size = min(limit, len(left))
        found = own.is_part(asking, answer, left, size=size, total=len(ids))
        if found is None or not asking.is_end(answer, expected=found == left):
            return
        left -= found
        cursor = answer.json["next_cursor"]
        if cursor is not None:
            user.cursors = [*user.cursors[1 - _CURSORS_KEPT :], (query, cursor)]
