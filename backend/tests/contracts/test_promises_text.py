"""Text: counted in code points, refused if nobody could see or store it, else kept as it is."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.contracts.people import Person

EMOJI = "\U0001f600"
FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466"
KEPT = [
    "two  blanks   inside",
    "tab\there",
    "line\nbreak\r\nand another",
    "\x01\x1b[31m\x7f\x85.",
    "\u202eright to left\u202c \u2066isolated\u2069",
    "\u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627",
    "<script>alert(1)</script>",
    "&lt;b&gt; &amp; &#0;",
    "\"quoted\" 'quoted' `quoted`",
    "back\\slash \\n \\u0041 \\",
    "line\u2028and paragraph\u2029separator",
    "e\u0301 and \u00e9",
    "\u1112\u1161\u11ab \ud55c",
    "Z\u0351\u036b\u0343\u036a\u0302a\u0321l\u035ago",
    FAMILY,
    "\U0001f1e9\U0001f1ea \U0001f44d\U0001f3fd",
    "\ufeffa byte order mark, a zero-width\u200b space",
    "\uffff \ufdd0 \U0010ffff \ue000",
    "%s %n {0} ${jndi:ldap://x} {{7*7}}",
    "Robert'); DROP TABLE tasks;--",
    "x\r\n2026-01-01 ERROR a line that is not one of the log's",
    "NULL",
    "null",
    "0",
    "_%\\",
]
INVISIBLE = {
    "empty": "",
    "blank": " ",
    "controls": "\t\n\r\x0b\x0c\x1f\x01\x7f\x85",
    "no-break space": "\u00a0",
    "ideographic space": "\u3000",
    "line separator": "\u2028\u2029",
    "zero-width space": "\u200b\u200b",
    "joiners": "\u200d\u200c\u2060",
    "byte order mark": "\ufeff",
    "soft hyphen": "\u00ad",
    "Hangul filler": "\u3164\u115f\uffa0",
    "braille blank": "\u2800",
    "direction marks": "\u200e\u200f\u202e\u2066",
    "tag space": "\U000e0020",
    "variation selector": "\ufe0f",
    "blank around invisible": " \u200b ",
}
STRIPPED = " \t\n\r\x0b\x0c\x1c\x1f\x85\u00a0\u1680\u2003\u2028\u2029\u202f\u205f\u3000"
UNSTORABLE = {
    "null": '"a\\u0000b"',
    "null alone": '"\\u0000"',
    "high surrogate": '"a\\ud800b"',
    "low surrogate": '"a\\udc00b"',
    "reversed pair": '"\\udc00\\ud800"',
}


@pytest.mark.parametrize("text", KEPT, ids=ascii)
async def test_text_comes_back_as_it_was_sent(user: Person, text: str) -> None:
    """Nothing is escaped, sanitised or normalised, in whichever answer it comes back."""
    created = await user.given_task(text, description=text)

    response = await user.client.put(
        user.path(created), json={"title": text + "!", "description": f" {text} "}
    )

    assert (created["title"], created["description"]) == (text, text)
    changed = user.driver.task_of(response.json())
    assert (changed["title"], changed["description"]) == (text + "!", f" {text} ")
    assert await user.read(created) == changed
    [listed] = await user.listed()
    assert listed.items() <= changed.items()


async def test_raw_utf_8_and_escapes_are_one_text(user: Person) -> None:
    """A client may escape what it likes; the text is the same, and so is the row."""
    headers = {"content-type": "application/json"}
    escaped = b'{"title":"\\ud83d\\ude00 \\u00e9 \\/ \\u0041"}'
    raw = f'{{"title":"{EMOJI} \u00e9 / A"}}'.encode()

    titles = [
        user.driver.task_of(
            (await user.client.post(user.tasks, content=body, headers=headers)).json()
        )["title"]
        for body in (escaped, raw)
    ]

    assert titles == [f"{EMOJI} \u00e9 / A"] * 2


@pytest.mark.parametrize("unit", ["a", "\u00e9", EMOJI, "e\u0301", FAMILY], ids=ascii)
async def test_limits_count_code_points(user: Person, unit: str) -> None:
    """A title and a description at the limit are kept whole; one code point more is refused."""
    limits = {"title": user.driver.title_max, "description": user.driver.description_max}
    longest = {name: (unit * limit)[:limit] for name, limit in limits.items()}

    task = await user.given_task(**longest)

    assert longest.items() <= task.items()
    for name, text in longest.items():
        response = await user.client.post(user.tasks, json={**longest, name: text + "a"})
        body = user.refused(response, user.driver.refusals.too_long)
        assert user.driver.fields_of(body) == [name]


async def test_title_is_stripped_and_then_counted(user: Person) -> None:
    """White space around a title counts for nothing; that of a description is its own."""
    longest = "a" * user.driver.title_max
    padded = f"{STRIPPED}{longest}{STRIPPED}"

    task = await user.given_task(padded, description=STRIPPED)

    assert (task["title"], task["description"]) == (longest, STRIPPED)
    response = await user.client.put(user.path(task), json={"title": f"\u3000{longest}  "})
    assert user.driver.task_of(response.json()) == task


@pytest.mark.parametrize("title", INVISIBLE.values(), ids=INVISIBLE)
async def test_invisible_title_is_refused(user: Person, title: str) -> None:
    """A title that nobody could see is none; a task keeps the one it has."""
    task = await user.given_task()

    created = await user.client.post(user.tasks, json={"title": title})
    changed = await user.client.put(user.path(task), json={"title": title})

    for response in (created, changed):
        body = user.refused(response, user.driver.refusals.required)
        assert user.driver.fields_of(body) == ["title"]
    assert await user.read(task) == task


@pytest.mark.parametrize("field", ["title", "description"])
@pytest.mark.parametrize("text", UNSTORABLE.values(), ids=UNSTORABLE)
async def test_unstorable_text_is_refused(user: Person, field: str, text: str) -> None:
    """U+0000 and half of a surrogate pair are validation errors that name their field."""
    other = "" if field == "title" else '"title":"Buy milk",'
    response = await user.client.post(
        user.tasks,
        content=f'{{{other}"{field}":{text}}}',
        headers={"content-type": "application/json"},
    )

    body = user.refused(response, user.driver.refusals.wrong_format)
    assert user.driver.fields_of(body) == [field]


async def test_unstorable_text_in_an_unknown_field_is_ignored(user: Person) -> None:
    """What is not stored need not be storable, not even its name."""
    response = await user.client.post(
        user.tasks,
        content='{"title":"Buy milk","x\\u0000\\ud800":"\\udc00"}',
        headers={"content-type": "application/json"},
    )

    assert response.status_code == 201


async def test_description_may_be_empty_or_null(user: Person) -> None:
    """An empty description is not an absent one."""
    texts = ["", " ", "\u200b", None]

    tasks = [await user.given_task(description=text) for text in texts]

    assert [task["description"] for task in tasks] == texts


_TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=100)


@settings(
    deadline=None,
    max_examples=50,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(inside=_TEXT, description=_TEXT)
async def test_any_text_round_trips(user: Person, inside: str, description: str) -> None:
    """Between two letters any text is a title."""
    title = f"a{inside}z"

    task = await user.given_task(title, description=description)

    assert (task["title"], task["description"]) == (title, description)
    assert await user.read(task) == task


@settings(
    deadline=None,
    max_examples=50,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(title=st.text(max_size=300))
async def test_any_title_is_kept_or_refused(user: Person, title: str) -> None:
    """There is nothing between a title that is kept as sent and one that is refused by name."""
    response = await user.client.post(user.tasks, json={"title": title})

    if response.status_code == 201:
        assert user.driver.task_of(response.json())["title"] == title.strip()
    else:
        assert response.status_code == user.driver.refusals.required.status
        assert user.driver.fields_of(response.json()) == ["title"]
