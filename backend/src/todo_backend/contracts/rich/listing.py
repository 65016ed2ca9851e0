"""What a list of the `rich` contract is asked for, and the address of its next page."""

from datetime import datetime
from typing import Annotated, Final, Literal, Self, get_args
from urllib.parse import quote, urlencode

import orjson
from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from todo_backend.contracts.rich.schemas import (
    LIMIT_DEFAULT,
    LIMIT_MAX,
    PRIORITIES,
    PriorityName,
)
from todo_backend.model.principal import Principal
from todo_backend.model.search import Filters, Position, Search, Sort, SortKey
from todo_backend.model.task import Status
from todo_backend.web.cursors import CURSOR, CURSOR_MAX, Cursors
from todo_backend.web.parameters import Query
from todo_backend.web.wire import INT64, Wire

WORDS_MAX: Final = 200
SortName = Literal[
    "created_at",
    "-created_at",
    "updated_at",
    "-updated_at",
    "due_date",
    "-due_date",
    "priority",
    "-priority",
    "title",
    "-title",
]
_NEWEST: Final[SortName] = "-created_at"
_STATUSES: Final = tuple(Status)
_PRIORITIES: Final = tuple(PRIORITIES)
_SORTS: Final = get_args(SortName)
_Text = str | SkipJsonSchema[None]
_Moment = Annotated[datetime | SkipJsonSchema[None], Field(examples=["2026-01-31T18:00:00+01:00"])]
_DATES: Final = "A date-time or a date, as in a task."


class ListTasks(Wire):
    """Which tasks to show, in what order, and which page of them."""

    status: Status = Field(default=Status.ALL, description="All tasks, or those of one status.")
    priority: list[PriorityName] = Field(
        default=[], description="Only of this priority; may be given for each that is wanted."
    )
    due_after: _Moment = Field(
        default=None, description=f"Only what is due later than this. {_DATES}"
    )
    due_before: _Moment = Field(
        default=None, description=f"Only what is due earlier than this. {_DATES}"
    )
    overdue: bool = Field(
        default=False,
        description="True: only what was due in the past and is not completed. False is no filter.",
    )
    q: _Text = Field(
        default=None,
        min_length=1,
        max_length=WORDS_MAX,
        json_schema_extra={"pattern": r"\S"},
        description="Only tasks with each of these words somewhere in the title or the "
        "description, in capitals or not. Every character stands for itself.",
        examples=["milk bread"],
    )
    sort: SortName = Field(
        default=_NEWEST,
        description="What to order by, ties by `id`; `-` reverses both. Tasks without a due date "
        "are the last ones of either order by `due_date`.",
    )
    limit: int = Field(
        default=LIMIT_DEFAULT, ge=1, le=LIMIT_MAX, description="How many tasks at most."
    )
    offset: int = Field(
        default=0,
        ge=0,
        description="How many tasks to leave out at the start of the list. Not with `cursor`.",
        json_schema_extra=INT64,
    )
    cursor: _Text = Field(
        default=None,
        max_length=CURSOR_MAX,
        description="The `next_cursor` of the page before, of the same filters and sort. Such "
        "pages neither skip nor repeat a task, whatever comes and goes meanwhile.",
    )

    @classmethod
    def read(cls, raw: bytes) -> Self:
        """Raises: Invalid."""
        with Query(raw) as query:
            found = {
                "status": query.choice("status", _STATUSES, default=Status.ALL),
                "priority": query.choices("priority", _PRIORITIES),
                "due_after": query.moment("due_after"),
                "due_before": query.moment("due_before"),
                "overdue": query.flag("overdue"),
                "q": " ".join(sorted(query.words("q", maximum=WORDS_MAX))) or None,
                "sort": query.choice("sort", _SORTS, default=_NEWEST),
                "limit": query.integer(
                    "limit", minimum=1, maximum=LIMIT_MAX, default=LIMIT_DEFAULT
                ),
                "offset": query.integer("offset", minimum=0, default=0),
                "cursor": query.opaque(CURSOR, instead_of="offset"),
            }
        return cls.model_construct(**found)

    def search(self, owner: Principal, cursors: Cursors) -> Search:
        """Raises: Invalid, if the cursor is none of this list."""
        after = None
        if self.cursor is not None:
            after = cursors.open(self.cursor, scope=self._scope(owner))
        return Search(
            filters=Filters(
                status=self.status,
                priorities=tuple(PRIORITIES[name] for name in self.priority),
                due_after=self.due_after,
                due_before=self.due_before,
                overdue=self.overdue,
                words=tuple((self.q or "").split()),
            ),
            sort=Sort(SortKey(self.sort.removeprefix("-")), self.sort.startswith("-")),
            limit=self.limit,
            offset=self.offset,
            after=after,
        )

    def next_cursor(self, owner: Principal, end: Position, cursors: Cursors) -> str:
        return cursors.seal(end, scope=self._scope(owner))

    def link(self, path: str, cursor: str) -> str:
        """Return the address of the page behind this one."""
        pairs = [*self._asked(), ("limit", str(self.limit)), (CURSOR, cursor)]
        return f"{path}?{urlencode(pairs, quote_via=quote)}"

    def _scope(self, owner: Principal) -> bytes:
        """Name the list: whose it is, its filters and its order; not how long its pages are."""
        return orjson.dumps((owner.user_id, self._asked()))

    def _asked(self) -> list[tuple[str, str]]:
        """Return the filters and the order, in one spelling however they were sent."""
        pairs = [("status", self.status.value), *(("priority", each) for each in self.priority)]
        for name, moment in (("due_after", self.due_after), ("due_before", self.due_before)):
            if moment is not None:
                pairs.append((name, moment.isoformat().replace("+00:00", "Z")))
        if self.overdue:
            pairs.append(("overdue", "true"))
        if self.q is not None:
            pairs.append(("q", self.q))
        return [*pairs, ("sort", self.sort)]
