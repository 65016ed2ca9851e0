"""Which of a user's tasks are wanted, and in which order."""

from collections.abc import Sequence

from todo_backend.database.search import SearchFunctions
from todo_backend.model.principal import Principal
from todo_backend.model.search import FoundPage, Search


async def page(
    searches: SearchFunctions,
    owner: Principal,
    wanted: Search,
    *,
    known_versions: Sequence[int] | None = None,
) -> FoundPage:
    """Read one page; without items if the caller knows this version already.

    A list of what is overdue changes while nobody touches it: its version says nothing about it, so
    it is always read. Raises: DatabaseUnavailable.
    """
    if wanted.filters.overdue:
        known_versions = None
    return await searches.page(owner, wanted, known_versions=known_versions)
