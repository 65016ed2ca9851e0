"""Writes the functions that read pages: one for each order, from templates.

One statement for all orders would be planned for none of them. The values that are filled in are
the constants here; nothing that a client sends comes near them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from todo_backend.model.search import Sort, SortKey

_HIGHEST_ID: Final = str(2**63 - 1)
# Above every title: longer than any, of the last code point there is.
_LAST_TITLE: Final = "repeat(chr(1114111), 1000)"


@dataclass(frozen=True, slots=True)
class _Column:
    """What an order follows: a column, its type, a value below and one above all that occur."""

    name: str
    type: str
    below: str
    above: str
    spelled: str = "{}::text"
    is_nullable: bool = False


_MOMENT: Final = "btrim(time_json({}), '\"')"
_COLUMNS: Final[Mapping[SortKey, _Column]] = {
    SortKey.CREATED_AT: _Column(
        "created_at", "timestamptz", "'-infinity'", "'infinity'", spelled=_MOMENT
    ),
    SortKey.UPDATED_AT: _Column(
        "updated_at", "timestamptz", "'-infinity'", "'infinity'", spelled=_MOMENT
    ),
    SortKey.DUE_DATE: _Column(
        "due_date", "timestamptz", "'-infinity'", "'infinity'", spelled=_MOMENT, is_nullable=True
    ),
    SortKey.PRIORITY: _Column("priority", "smallint", "0", "32767"),
    SortKey.TITLE: _Column("title_key", "text", "''", _LAST_TITLE),
}
# In statements of their own: an index knows where to go on only if no other column is asked for.
_ANY_STATUS: Final = "true"
_ONE_STATUS: Final = "t.completed = p_completed"


def page_function(sort: Sort, *, of_status: bool) -> str:
    """Name the function that reads a page of all tasks, or of one status, in this order."""
    return f"page_by_{_spelled(sort)}{'_of_status' if of_status else ''}"


def search_function(sort: Sort) -> str:
    """Name the function that reads a page of what any filters let through, in this order."""
    return f"search_by_{_spelled(sort)}"


def written(*, page: str, dated_page: str, filtered: str) -> str:
    """Fill the templates in, for every order."""
    return "\n".join(_functions(page, dated_page, filtered))


def _functions(page: str, dated_page: str, filtered: str) -> Iterator[str]:
    for key, column in _COLUMNS.items():
        for descending in (False, True):
            sort = Sort(key, descending)
            yield _filled(filtered, search_function(sort), sort)
            template = dated_page if column.is_nullable else page
            yield _filled(template, page_function(sort, of_status=False), sort, _ANY_STATUS)
            yield _filled(template, page_function(sort, of_status=True), sort, _ONE_STATUS)


def _filled(template: str, name: str, sort: Sort, status: str = "") -> str:
    column = _COLUMNS[sort.key]
    values = {
        "name": name,
        "status": status,
        "column": column.name,
        "type": column.type,
        "spelled": column.spelled.format("from_key"),
        "start": column.above if sort.descending else column.below,
        "start_id": _HIGHEST_ID if sort.descending else "0",
        "behind": "<" if sort.descending else ">",
        "order": "DESC" if sort.descending else "ASC",
    }
    for placeholder, value in values.items():
        template = template.replace(f"{{{{{placeholder}}}}}", value)
    return template


def _spelled(sort: Sort) -> str:
    return f"{sort.key.value}_{'down' if sort.descending else 'up'}"
