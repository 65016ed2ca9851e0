"""Calls of the functions that read pages (sql/search.sql): lists by order, filter and word."""

import re
from collections.abc import Sequence
from typing import Final

from todo_backend.database.arguments import COMPLETED, array
from todo_backend.database.functions import Shape
from todo_backend.database.paging import page_function, search_function
from todo_backend.database.pool import Pool
from todo_backend.model.principal import Principal
from todo_backend.model.search import Filters, FoundPage, Position, Search, Sort, SortKey
from todo_backend.model.task import TaskId

_SORTS: Final = tuple(Sort(key, descending) for key in SortKey for descending in (False, True))
# What LIKE reads otherwise than as itself.
_SPECIAL: Final = re.compile(r"[\\%_]")


class SearchFunctions:
    """The functions of one contract that read pages, which answer in its `shape`."""

    def __init__(self, pool: Pool, shape: Shape) -> None:
        self._pool = pool
        # The names are of our own making: a contract's, hexadecimal digits, and an order's.
        schema = shape.schema
        self._pages = {
            (sort, of_status): f"SELECT * FROM {schema}.{page_function(sort, of_status=of_status)}"  # noqa: S608 - as above
            "($1, $2, $3, $4, $5, $6, $7::text::bigint[])"
            for sort in _SORTS
            for of_status in (False, True)
        }
        self._searches = {
            sort: f"SELECT * FROM {schema}.{search_function(sort)}"  # noqa: S608 - as above
            "($1, $2, $3::text::smallint[], $4, $5, $6, $7, $8, $9, $10, $11,"
            " $12::text::bigint[])"
            for sort in _SORTS
        }

    async def page(
        self, owner: Principal, wanted: Search, *, known_versions: Sequence[int] | None
    ) -> FoundPage:
        """Read one page; without its items if the list is at one of `known_versions`.

        Raises: DatabaseUnavailable.
        """
        filters = wanted.filters
        after = (wanted.after.key, wanted.after.task_id) if wanted.after else (None, None)
        bounds = (wanted.limit, wanted.offset, *after, array(known_versions))
        completed = COMPLETED[filters.status]
        if filters.are_of_status_alone:
            statement = self._pages[wanted.sort, completed is not None]
            found = await self._pool.read(statement, owner.user_id, completed, *bounds)
        else:
            statement = self._searches[wanted.sort]
            found = await self._pool.read(
                statement, owner.user_id, completed, *_narrowing(filters), *bounds
            )
        items, total, version, end_key, end_id = found
        end = None if end_id is None else Position(end_key, TaskId(end_id))
        return FoundPage(items=items, total=total, version=version, end=end)


def _narrowing(filters: Filters) -> tuple[object, ...]:
    return (
        array(filters.priorities or None),
        filters.due_after,
        filters.due_before,
        filters.overdue,
        [f"%{_SPECIAL.sub(_escaped, word)}%" for word in filters.words] or None,
    )


def _escaped(found: re.Match[str]) -> str:
    return f"\\{found[0]}"
