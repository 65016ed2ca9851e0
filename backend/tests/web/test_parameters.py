from enum import StrEnum
from itertools import count
from urllib.parse import parse_qsl, quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from todo_backend.model.errors import FieldError, Invalid, Rule, TaskNotFound
from todo_backend.web.parameters import BIGINT_MAX, Query, parse_query, task_id


class Status(StrEnum):
    ALL = "all"
    PENDING = "pending"


def read_page(raw: bytes) -> tuple[str, int, int]:
    with Query(raw) as query:
        status = query.choice("status", ("all", "pending", "completed"), default="all")
        limit = query.integer("limit", minimum=1, maximum=100, default=50)
        offset = query.integer("offset", minimum=0, default=0)
    return status, limit, offset


def refusals(raw: bytes) -> tuple[FieldError, ...]:
    with pytest.raises(Invalid) as refusal:
        read_page(raw)
    return refusal.value.errors


@pytest.mark.parametrize("value", [1, 9, 10, 2**31, 2**53, BIGINT_MAX])
def test_an_id_has_its_decimal_spelling(value: int) -> None:
    """Every id that a row can have is read."""
    assert task_id(str(value), field="id") == value


@pytest.mark.parametrize(
    "text", ["0", "-1", str(BIGINT_MAX + 1), str(-(2**63) - 1), "1" * 100, "-" + "1" * 639]
)
def test_an_integer_that_no_row_has_is_not_found(text: str) -> None:
    """A canonical integer outside the range of ids is a task that does not exist."""
    with pytest.raises(TaskNotFound) as refusal:
        task_id(text, field="id")

    assert str(refusal.value.task_id) == text


@pytest.mark.parametrize(
    ("text", "sign"), [("9" * 5000, 1), ("-" + "9" * 100_000, -1)], ids=count()
)
def test_an_endless_integer_is_not_found_either(text: str, sign: int) -> None:
    """More digits than Python converts still name a task that does not exist."""
    with pytest.raises(TaskNotFound) as refusal:
        task_id(text, field="id")

    assert refusal.value.task_id * sign > BIGINT_MAX


@pytest.mark.parametrize(
    "text",
    [
        "",
        "abc",
        "+1",
        "-0",
        "--1",
        "-01",
        "00",
        "01",
        "0" * 5000,
        " 1",
        "1 ",
        "1\n",
        "1\0",
        "\0",
        "1_000",
        "1,000",
        "1.0",
        "1.5",
        "1e3",
        "0x1",
        "\uff11",
        "\u0661",
        "\u00b2",
        "\u22121",
        "../1",
        "\ufffd",
    ],
    ids=count(),
)
def test_another_spelling_of_an_id_is_invalid(text: str) -> None:
    """One task has one address, so every other spelling names the parameter and its rule."""
    with pytest.raises(Invalid) as refusal:
        task_id(text, field="task_id")

    (error,) = refusal.value.errors
    assert (error.field, error.rule, error.value) == ("task_id", Rule.FORMAT, text)
    assert error.constraint.startswith("must be a whole number")


def test_an_id_with_a_surrogate_can_be_sent_back() -> None:
    """The value of the error fits into UTF-8 even where the path did not."""
    with pytest.raises(Invalid) as refusal:
        task_id("1\udcff", field="id")

    assert refusal.value.errors[0].value == "1\ufffd"


@given(st.text())
def test_only_canonical_text_is_an_id(text: str) -> None:
    """What is read as an id is spelled as the id is written."""
    try:
        value = task_id(text, field="id")
    except (Invalid, TaskNotFound):
        return

    assert str(value) == text


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"", {}),
        (b"&&", {}),
        (b"a=1&b=2&a=3", {"a": ["1", "3"], "b": ["2"]}),
        (b"a", {"a": [""]}),
        (b"a=", {"a": [""]}),
        (b"=1", {"": ["1"]}),
        (b"a=b=c", {"a": ["b=c"]}),
        (b"a=1;b=2", {"a": ["1;b=2"]}),
        (b"q=a+b%20c%2Bd", {"q": ["a b c+d"]}),
        (b"q=%C5%AF%F0%9F%90%8E", {"q": ["ů\U0001f40e"]}),
        ("q=ů".encode(), {"q": ["ů"]}),
        (b"a%3Db=%26", {"a=b": ["&"]}),
        (b"q=100%&r=%zz", {"q": ["100%"], "r": ["%zz"]}),
        (b"q=%00", {"q": ["\0"]}),
        (b"q=%ff&%F0%9F=1", {"q": ["\udcff"], "\udcf0\udc9f": ["1"]}),
        (b"q=%ED%A0%80", {"q": ["\udced\udca0\udc80"]}),
    ],
)
def test_a_query_is_decoded(raw: bytes, expected: dict[str, list[str]]) -> None:
    """Percent-encoding, blanks, empty values and repetitions are read as forms send them."""
    assert parse_query(raw) == expected


@given(st.lists(st.tuples(st.text(), st.text())))
def test_any_text_survives_a_query(pairs: list[tuple[str, str]]) -> None:
    """What a client encodes arrives, and the standard library reads it alike."""
    raw = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in pairs)

    query = parse_query(raw.encode())

    expected: dict[str, list[str]] = {}
    for name, value in parse_qsl(raw, keep_blank_values=True):
        expected.setdefault(name, []).append(value)
    assert query == expected


@given(st.binary())
def test_random_bytes_break_no_query(raw: bytes) -> None:
    """Any query is read, or refused as invalid, and the refusal fits into UTF-8."""
    try:
        read_page(raw)
    except Invalid as refusal:
        for error in refusal.errors:
            f"{error.field}{error.value}".encode()


def test_absent_parameters_have_their_defaults() -> None:
    """An empty query and one of strangers alone read the same."""
    assert read_page(b"") == read_page(b"x=1&%F0%9F=1&user_id=bob") == ("all", 50, 0)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"status=pending&limit=1&offset=0", ("pending", 1, 0)),
        (b"limit=100&status=completed", ("completed", 100, 0)),
        (b"offset=9223372036854775807", ("all", 50, BIGINT_MAX)),
        (b"%6Cimit=%31", ("all", 1, 0)),
    ],
)
def test_parameters_are_read(raw: bytes, expected: tuple[str, int, int]) -> None:
    """Both bounds are included, and order and encoding don't matter."""
    assert read_page(raw) == expected


def test_an_enumeration_is_a_set_of_options() -> None:
    """The option itself is returned, not the text that equals it."""
    with Query(b"status=pending") as query:
        status = query.choice("status", tuple(Status), default=Status.ALL)

    assert status is Status.PENDING


@pytest.mark.parametrize("text", ["", "COMPLETED", "done", "all ", "all%00", "%ff", "al%6C%CC%81"])
def test_a_choice_takes_its_options_only(text: str) -> None:
    """Case, blanks and accents make another word, and the sentence lists the right ones."""
    (error,) = refusals(f"status={text}".encode())

    assert (error.field, error.rule) == ("status", Rule.FORMAT)
    assert error.constraint == "must be one of: all, pending, completed"


@pytest.mark.parametrize(
    "text",
    ["", "abc", "1.5", "1.0", "+5", "%2B5", "05", "-0", "1e1", "%205", "5%0a", "5%00", "%EF%BC%95"],
)
def test_an_integer_parameter_has_one_spelling(text: str) -> None:
    """What is not a canonical integer breaks the format."""
    (error,) = refusals(f"limit={text}".encode())

    assert (error.field, error.rule) == ("limit", Rule.FORMAT)
    assert error.constraint.startswith("must be a whole number")


@pytest.mark.parametrize(
    "text",
    ["0", "-1", "101", "1000000", str(2**63), "9" * 5000, "-" + "9" * 5000],
    ids=count(),
)
def test_an_integer_parameter_has_bounds(text: str) -> None:
    """An integer beyond its bounds is out of range, however long it is."""
    (error,) = refusals(f"limit={text}".encode())

    assert error == FieldError("limit", Rule.OUT_OF_RANGE, "must be between 1 and 100", text)


@pytest.mark.parametrize("raw", [b"limit=5&limit=5", b"limit=5&limit=6", b"limit&limit=5"])
def test_a_single_parameter_is_given_once(raw: bytes) -> None:
    """Two values for one question are refused even where they agree."""
    (error,) = refusals(raw)

    assert (error.field, error.rule) == ("limit", Rule.FORMAT)
    assert error.constraint == "must be given once"


def test_all_errors_arrive_in_the_order_of_the_contract() -> None:
    """One answer names everything that is wrong, whatever the order in the query."""
    errors = refusals(b"offset=-1&limit=x&status=done")

    assert [error.field for error in errors] == ["status", "limit", "offset"]
    assert [error.rule for error in errors] == [Rule.FORMAT, Rule.FORMAT, Rule.OUT_OF_RANGE]
    assert [error.value for error in errors] == ["done", "x", "-1"]


@pytest.mark.parametrize(
    ("raw", "field"),
    [
        (b"search=%00", "search"),
        (b"limit=5&search=a&search=b%00c", "search"),
        (b"a%00b=1", "query"),
        (b"x" * 5000 + b"=%00", "query"),
    ],
    ids=count(),
)
def test_the_null_character_is_refused_in_every_parameter(raw: bytes, field: str) -> None:
    """U+0000 is refused where the parameter is unknown, too, and its name is sent back if short."""
    (error,) = refusals(raw)

    assert (error.field, error.rule) == (field, Rule.FORMAT)
    assert error.constraint == "must not contain the null character"


def test_another_failure_is_not_hidden_by_an_invalid_query() -> None:
    """What goes wrong inside the block leaves it as it is."""

    def read_and_fail() -> None:
        with Query(b"limit=x") as query:
            query.integer("limit", minimum=1, default=1)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        read_and_fail()
