"""Words in lists of the rich contract."""

import pytest

from tests.contracts.rich.lists import RichCaller, titles_of

TASKS = (
    ("Buy MILK", "two bottles of oat drink"),
    ("Bread", "with 100% rye_flour"),
    ("C:\\temp", None),
    ("Ärger mit Öl", "ΣΊΣΥΦΟΣ"),
    ("milkshake", "strawberries"),
    ("e\u0301clair", "éclair"),
    ("emoji 🥛", ""),
    ("a*b.c?[d](e)+^$|{1}", "'; DROP TABLE tasks; --"),
)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("milk", ["Buy MILK", "milkshake"]),
        ("MiLk", ["Buy MILK", "milkshake"]),
        ("bottles", ["Buy MILK"]),
        ("milk bottles", ["Buy MILK"]),
        ("bottles\u2003MILK\n", ["Buy MILK"]),
        ("oat buy milk drink", ["Buy MILK"]),
        ("milk bread", []),
        ("ilksh", ["milkshake"]),
        ("milk milk milk", ["Buy MILK", "milkshake"]),
        ("bread with", ["Bread"]),
        ("breadwith", []),
        ("%", ["Bread"]),
        ("100%", ["Bread"]),
        ("1%", []),
        ("_", ["Bread"]),
        ("rye_flour", ["Bread"]),
        ("ry__flour", []),
        ("\\", ["C:\\temp"]),
        ("c:\\t", ["C:\\temp"]),
        ("\\%", []),
        ("\\\\", []),
        ("ärger", ["Ärger mit Öl"]),
        ("ÖL", ["Ärger mit Öl"]),
        ("σίσυ", ["Ärger mit Öl"]),
        ("é", ["e\u0301clair"]),
        ("É", ["e\u0301clair"]),
        ("e\u0301", ["e\u0301clair"]),
        ("🥛", ["emoji 🥛"]),
        ("a*b.c?[d](e)+^$|{1}", ["a*b.c?[d](e)+^$|{1}"]),
        ("a.b", []),
        ("';", ["a*b.c?[d](e)+^$|{1}"]),
        ("null", []),
    ],
)
async def test_words(alice: RichCaller, words: str, expected: list[str]) -> None:
    """Each word is somewhere in the title or the description, and stands for itself."""
    for title, description in TASKS:
        await alice.given(title, description=description)

    page = await alice.listed(q=words, sort="created_at")

    assert titles_of(page) == expected
    assert page["total"] == len(expected)


async def test_a_word_does_not_reach_from_title_to_description(alice: RichCaller) -> None:
    """What stands at the end of the one and the start of the other is no word."""
    await alice.given("one", description="two")

    assert await alice.titles(q="onetwo") == []
    assert await alice.titles(q="one two") == ["one"]


@pytest.mark.parametrize("sort", ["title", "-due_date"])
async def test_pages_of_what_is_found(alice: RichCaller, sort: str) -> None:
    """Search, filter, order and pages go together."""
    for number in range(7):
        due = None if number % 3 else f"2026-01-{number + 1:02}"
        await alice.given(f"task {number}", description="needle", due_date=due)
        await alice.given(f"other {number}")
    whole = await alice.titles(q="NEEDLE", sort=sort)

    pages = await alice.pages(q="NEEDLE", sort=sort, limit=3)

    assert [title for page in pages for title in titles_of(page)] == whole
    assert [len(page["tasks"]) for page in pages] == [3, 3, 1]
    assert {page["total"] for page in pages} == {7}


async def test_is_30_nobody_finds_what_is_not_theirs(alice: RichCaller, bob: RichCaller) -> None:
    """Two users, one word, and each has their own."""
    await alice.given("secret of Alice")
    await bob.given("secret of Bob")

    assert await alice.titles(q="secret") == ["secret of Alice"]
    assert await bob.titles(q="secret", sort="title") == ["secret of Bob"]
