"""The lists of the rich contract: filters, orders and pages."""

from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from tests.contracts.rich.lists import RichCaller, refusal, titles_of

OUT_OF_RANGE = "VALIDATION_OUT_OF_RANGE"
FORMAT = "VALIDATION_INVALID_FORMAT"
REQUIRED = "VALIDATION_REQUIRED_FIELD"
TOO_LONG = "VALIDATION_FIELD_TOO_LONG"
SORTS = [
    f"{sign}{key}"
    for key in ("created_at", "updated_at", "due_date", "priority", "title")
    for sign in ("", "-")
]


async def given_errands(caller: RichCaller) -> None:
    """Make tasks that differ in all that can be filtered and ordered."""
    await caller.given("bread", priority="low", due_date="2020-01-02T00:00:00Z")
    await caller.given("Apples", priority="high", due_date="2999-12-31")
    await caller.given("cheese", priority="medium", due_date="2020-01-01", completed=True)
    await caller.given("dates", priority="high")
    await caller.given("Éclairs", priority="low")
    await caller.given("bread", priority="high", due_date="2020-01-02", completed=True)


async def test_an_empty_list(alice: RichCaller) -> None:
    """Nothing is no error, and no next page."""
    response = await alice.asked()

    assert response.content == b'{"tasks":[],"total":0,"limit":50,"offset":0,"next_cursor":null}'
    assert "link" not in response.headers


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("status=all", ["bread", "Éclairs", "dates", "cheese", "Apples", "bread"]),
        ("status=pending", ["Éclairs", "dates", "Apples", "bread"]),
        ("status=completed", ["bread", "cheese"]),
        ("priority=low", ["Éclairs", "bread"]),
        ("priority=high&priority=low", ["bread", "Éclairs", "dates", "Apples", "bread"]),
        ("priority=high&priority=high", ["bread", "dates", "Apples"]),
        ("priority=medium&status=pending", []),
        ("due_before=2020-01-02", ["cheese"]),
        ("due_before=2020-01-02T00:00:00.000001Z", ["bread", "cheese", "bread"]),
        ("due_after=2020-01-01", ["bread", "Apples", "bread"]),
        ("due_after=2020-01-01&due_before=2021-01-01", ["bread", "bread"]),
        ("due_after=2020-01-02T01:00:00+02:00&due_before=2021-01-01", ["bread", "bread"]),
        ("due_after=2020-01-02T02:00:00%2B02:00&due_before=2021-01-01", []),
        ("due_after=2020-01-01T19:00:00-05:00", ["Apples"]),
        ("overdue=true", ["bread"]),
        ("overdue=false", ["bread", "Éclairs", "dates", "cheese", "Apples", "bread"]),
        ("overdue=true&status=completed", []),
        ("q=bread", ["bread", "bread"]),
        ("q=bread&status=completed", ["bread"]),
        ("q=bread&priority=low&overdue=true", ["bread"]),
    ],
)
async def test_filters(alice: RichCaller, query: str, expected: list[str]) -> None:
    """Each lets some through, several let through what all do, and the total counts the same."""
    await given_errands(alice)

    page = await alice.listed(query)

    assert titles_of(page) == expected
    assert page["total"] == len(expected)


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("created_at", ["bread", "Apples", "cheese", "dates", "Éclairs", "bread"]),
        ("title", ["Apples", "bread", "bread", "cheese", "dates", "Éclairs"]),
        ("-title", ["Éclairs", "dates", "cheese", "bread", "bread", "Apples"]),
        ("due_date", ["cheese", "bread", "bread", "Apples", "dates", "Éclairs"]),
        ("-due_date", ["Apples", "bread", "bread", "cheese", "Éclairs", "dates"]),
        ("priority", ["bread", "Éclairs", "cheese", "Apples", "dates", "bread"]),
        ("-priority", ["bread", "dates", "Apples", "cheese", "Éclairs", "bread"]),
    ],
)
@pytest.mark.parametrize("more", ["", "&due_before=9999-01-01&status=all", "&q=e"])
async def test_sorts(alice: RichCaller, sort: str, expected: list[str], more: str) -> None:
    """Titles by letters and not by case, high above low, and no date comes last either way."""
    await given_errands(alice)
    tasks = (await alice.listed())["tasks"]
    if "due_before" in more:
        dated = {task["title"] for task in tasks if task["due_date"]}
        expected = [title for title in expected if title in dated]
    elif "q=e" in more:
        expected = [title for title in expected if "e" in title]

    page = await alice.listed(f"sort={sort}{more}")

    assert titles_of(page) == expected


async def test_newest_change_first(alice: RichCaller) -> None:
    """What was touched last comes first of `-updated_at`."""
    first, second = await alice.given("first"), await alice.given("second")
    await alice.put(first, completed=True)

    titles = [await alice.titles(sort=sort) for sort in ("-updated_at", "updated_at")]

    assert titles == [["first", "second"], ["second", "first"]]
    assert second["updated_at"] > first["updated_at"]


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("status", ["all", "pending"])
async def test_ties_are_broken_by_id(
    alice: RichCaller, superuser: asyncpg.Connection, sort: str, status: str
) -> None:
    """Equal tasks have one order, which turns round with the sort."""
    tasks = [await alice.given("same") for _ in range(5)]
    await superuser.execute(
        "UPDATE tasks SET created_at = $2, updated_at = $2 WHERE user_id = $1",
        alice.user_id,
        datetime(2026, 1, 1, tzinfo=UTC),
    )

    found = [
        task["id"]
        for page in await alice.pages(sort=sort, status=status, limit=2)
        for task in page["tasks"]
    ]

    assert found == sorted((task["id"] for task in tasks), reverse=sort.startswith("-"))


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("filters", [{}, {"status": "pending"}, {"priority": ["low", "high"]}])
async def test_offsets_and_cursors_cut_the_same_list(
    alice: RichCaller, sort: str, filters: dict[str, Any]
) -> None:
    """Every page is where it belongs, wherever it begins and however it is asked for."""
    await given_errands(alice)
    whole = (await alice.listed(sort=sort, **filters))["tasks"]

    by_cursor = await alice.pages(sort=sort, limit=2, **filters)
    by_offset = [
        await alice.listed(sort=sort, limit=2, offset=offset, **filters)
        for offset in range(len(whole) + 2)
    ]

    assert [task for page in by_cursor for task in page["tasks"]] == whole
    assert all(page["offset"] == 0 for page in by_cursor)
    for offset, page in enumerate(by_offset):
        assert page["tasks"] == whole[offset : offset + 2]
        assert (page["offset"], page["limit"], page["total"]) == (offset, 2, len(whole))
        assert (page["next_cursor"] is None) == (offset + 2 >= len(whole))


async def test_a_cursor_goes_on_from_an_offset(alice: RichCaller) -> None:
    """Every page but the last one has a next, however it was asked for."""
    await given_errands(alice)
    whole = await alice.titles(sort="due_date")

    page = await alice.listed(sort="due_date", offset=1, limit=2)
    following = await alice.listed(sort="due_date", limit=100, cursor=page["next_cursor"])

    assert titles_of(page) + titles_of(following) == whole[1:]
    assert following["next_cursor"] is None


async def test_offset_far_beyond_the_end(alice: RichCaller) -> None:
    """There is nothing there, and the total says so."""
    await given_errands(alice)

    for sort in SORTS:
        for more in ("", "&status=pending", "&priority=low"):
            page = await alice.listed(f"sort={sort}&offset={2**63 - 1}{more}")
            assert (page["tasks"], page["next_cursor"]) == ([], None)
            assert page["total"] > 0


async def test_overdue_is_a_matter_of_time(alice: RichCaller) -> None:
    """A task is overdue from the moment on at which it was due, and not when it is done."""
    now = datetime.now(UTC)
    await alice.given("late", due_date=(now - timedelta(minutes=1)).isoformat())
    await alice.given("soon", due_date=(now + timedelta(days=1)).isoformat())
    await alice.given("done", due_date=(now - timedelta(minutes=1)).isoformat(), completed=True)

    assert await alice.titles(overdue="true") == ["late"]


INTEGER = "must be a whole number in decimal digits, without leading zeros or blanks"
MOMENT = "must be an ISO 8601 date or date-time, such as 2026-01-31T18:00:00Z"


@pytest.mark.parametrize(
    ("query", "code", "detail"),
    [
        ("status=done", FORMAT, "status must be one of: all, pending, completed"),
        ("priority=urgent", FORMAT, "priority must be one of: low, medium, high"),
        ("priority=low&priority=Low", FORMAT, "priority must be one of: low, medium, high"),
        ("priority=low,high", FORMAT, "priority must be one of: low, medium, high"),
        ("due_before=tomorrow", FORMAT, f"due_before {MOMENT}"),
        ("due_after=1767225600", FORMAT, f"due_after {MOMENT}"),
        ("due_after=2026-02-30", FORMAT, "due_after must be a day of the calendar"),
        (
            "due_after=0001-01-01T00:00%2B01:00",
            OUT_OF_RANGE,
            "due_after must be within the years 1 to 9999 in UTC",
        ),
        ("due_after=2026-01-01&due_after=2026-01-02", FORMAT, "due_after must be given once"),
        ("overdue=1", FORMAT, "overdue must be one of: true, false"),
        ("overdue=", FORMAT, "overdue must be one of: true, false"),
        ("q=", REQUIRED, "q must be between 1 and 200 characters"),
        ("q=+%20%09", REQUIRED, "q must be between 1 and 200 characters"),
        ("q=" + "a" * 201, TOO_LONG, "q must be between 1 and 200 characters"),
        ("q=%ff", FORMAT, "q must be UTF-8 without the null character"),
        ("q=a%00b", FORMAT, "q must be UTF-8 without the null character"),
        ("q=a&q=b", FORMAT, "q must be given once"),
        ("sort=-", FORMAT, f"sort must be one of: {', '.join(SORTS)}"),
        ("sort=id", FORMAT, f"sort must be one of: {', '.join(SORTS)}"),
        ("sort=--title", FORMAT, f"sort must be one of: {', '.join(SORTS)}"),
        ("limit=0", OUT_OF_RANGE, "limit must be between 1 and 100"),
        ("limit=101", OUT_OF_RANGE, "limit must be between 1 and 100"),
        ("limit=ten", FORMAT, f"limit {INTEGER}"),
        ("offset=-1", OUT_OF_RANGE, f"offset must be between 0 and {2**63 - 1}"),
        ("cursor=a&offset=0", FORMAT, "cursor must not be given together with offset"),
        (
            "limit=0&status=x",
            FORMAT,
            "status must be one of: all, pending, completed; limit must be between 1 and 100",
        ),
    ],
    ids=lambda value: value[:30],
)
async def test_a_query_that_breaks_a_rule(
    alice: RichCaller, query: str, code: str, detail: str
) -> None:
    """The parameter is named, its rule is said, and the first one decides the code."""
    assert refusal(await alice.asked(query)) == (400, code, detail)


async def test_longest_search(alice: RichCaller) -> None:
    """200 characters are taken, and blanks around them don't count."""
    await alice.given("a" * 200)

    assert await alice.titles("q=+" + "a" * 200 + "++") == ["a" * 200]
