import json
import math
import os
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from todo_backend.model.errors import BodyMalformed
from todo_backend.web.json_body import MAX_DEPTH, parse

# JSON to RFC 8259, but not to I-JSON: a name stands twice in one object (RFC 7493, section 2.3).
REFUSED_ON_PURPOSE = {"y_object_duplicated_key.json", "y_object_duplicated_key_and_value.json"}

# Any JSON value with its nesting kept below MAX_DEPTH: leaves in at most 60 lists or objects.
leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=()))
)
names = st.text(st.characters(exclude_categories=()), max_size=5)
values = st.recursive(
    leaves, lambda inner: st.lists(inner) | st.dictionaries(names, inner), max_leaves=20
)


def nested(value: object, *, levels: int) -> object:
    for level in range(levels):
        value = [value] if level % 2 else {"a": value}
    return value


def corpus(kind: str) -> Iterator[Path]:
    folder = os.environ.get("CORPUS_DIR")
    if not folder:
        pytest.skip("CORPUS_DIR is not set: it names the folder that holds JSONTestSuite")
    files = sorted((Path(folder) / "JSONTestSuite" / "test_parsing").glob(f"{kind}_*.json"))
    assert files, "CORPUS_DIR holds no JSONTestSuite/test_parsing"
    yield from files


def is_refused(body: bytes) -> bool:
    try:
        parse(body)
    except BodyMalformed:
        return True
    return False


def test_a_task_is_read() -> None:
    """Every kind of JSON value arrives as its Python counterpart."""
    body = '{"title": "Kůň \\ud83d\\udc0e", "n": -1, "f": 1.5e0, "l": [true, false, null]}'.encode()

    value = parse(body)

    assert value == {"title": "Kůň \U0001f40e", "n": -1, "f": 1.5, "l": [True, False, None]}


@given(values, st.integers(0, 30), st.booleans())
def test_what_json_dumps_writes_is_read_back(
    value: Any,
    levels: int,
    ensure_ascii: bool,  # noqa: FBT001 - hypothesis passes by position
) -> None:
    """Any value, escaped or not, comes back as it was."""
    expected = nested(value, levels=levels)
    body = json.dumps(expected, ensure_ascii=ensure_ascii).encode(errors="surrogatepass")

    if not ensure_ascii and any(
        0xD800 <= ord(c) < 0xE000 for c in json.dumps(value, ensure_ascii=False)
    ):
        assert is_refused(body)
    else:
        assert parse(body) == expected


@given(st.binary())
def test_random_bytes_are_read_or_refused(body: bytes) -> None:
    """Nothing but BodyMalformed comes out of bytes that are not JSON."""
    assert is_refused(body) or parse(body) == json.loads(body)


@given(st.text(st.sampled_from('[]{}",:\\u0123d8eE+-.truefalsn \x00\ufeffé')))
def test_nearly_json_is_read_as_json_or_refused(text: str) -> None:
    """What is accepted means what the standard library says it means."""
    body = text.encode()

    assert is_refused(body) or parse(body) == json.loads(body)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b'{"title":',
        b'{"title":"a",}',
        b"{'title':'a'}",
        b'{title:"a"}',
        b'{"title":"a\nb"}',
        b'{"title":"a\0b"}',
        b'{"title":"a"} x',
        b'{"title":"a"}{}',
        b'{"title":"a"}//',
        b'{"title":"\\x41"}',
        b'{"title":"\\u12"}',
        b"[1,]",
        b"[01]",
        b"[+1]",
        b"[.5]",
        b"[0x1]",
        b"[1_000]",
        b"True",
        b"None",
        b"]",
        b"\xef\xbb\xbf{}",
        b'{"title":"\xff"}',
        b'{"title":"\xc0\x80"}',
        b'{"title":"\xed\xa0\x80"}',
        '{"title":"a"}'.encode("utf-16"),
        '{"title":"a"}'.encode("utf-16-le"),
        '{"title":"a"}'.encode("utf-32-be"),
    ],
)
def test_what_is_not_json_in_utf8_is_refused_without_the_parsers_words(body: bytes) -> None:
    """A malformed body says that it is malformed, and no more."""
    with pytest.raises(BodyMalformed) as refusal:
        parse(body)

    assert str(refusal.value) == ""
    assert refusal.value.__suppress_context__ or refusal.value.__context__ is None


@pytest.mark.parametrize(
    "body",
    [
        b'{"title":"a","title":"b"}',
        b'{"title":"a","title":"a"}',
        b'{"title":"a","\\u0074itle":"b"}',
        b'{"a":{"b":1,"c":2,"b":1}}',
        b'[{"":1,"":1}]',
    ],
)
def test_a_member_named_twice_is_refused(body: bytes) -> None:
    """Two spellings of one name are one name, at any level."""
    with pytest.raises(BodyMalformed):
        parse(body)


@pytest.mark.parametrize(
    "number",
    [
        "NaN",
        "Infinity",
        "-Infinity",
        "1e400",
        "-1e400",
        "1.8e308",
        "1" * 309 + ".0e1",
        "1" + "0" * 309,
        "-1" + "0" * 309,
        "9" * 5000,
        "-" + "9" * 5000,
        str(2**1024 - 2**970),
    ],
    ids=count(),
)
def test_numbers_that_no_double_holds_are_refused(number: str) -> None:
    """Neither the constants that Python adds nor an overflow passes, in an ignored field either."""
    with pytest.raises(BodyMalformed):
        parse(f'{{"title":"a","x":{number}}}'.encode())


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("-0", 0),
        ("9007199254740993", 9007199254740993),
        ("1.7976931348623157e308", 1.7976931348623157e308),
        ("-1.7976931348623157E+308", -1.7976931348623157e308),
        (str(2**1024 - 2**971), 2**1024 - 2**971),
        ("1e-400", 0.0),
    ],
    ids=count(),
)
def test_numbers_at_the_edge_of_a_double_are_read(number: str, expected: float) -> None:
    """The largest double passes in any spelling, and what is too small rounds to zero."""
    value = parse(f"[{number}]".encode())

    assert value == [expected]
    assert math.isfinite(float(expected))


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}"), ('[{"a":', "}]")])
def test_nesting_ends_at_the_limit(opening: str, closing: str) -> None:
    """The limit itself passes, one level more does not."""
    step = opening.count("[") + opening.count("{")
    times = MAX_DEPTH // step
    at_limit = (opening * times + "0" + closing * times).encode()

    assert parse(at_limit) == json.loads(at_limit)
    assert is_refused(b"[" + at_limit + b"]")


@pytest.mark.parametrize(
    "body",
    [
        b"[" + b"[]," * 5000 + b"{}]",
        b'{"title":"' + b"[{" * 1000 + b'"}',
        b'["\\"' + b"[" * 100 + b'","\\\\","' + b"{" * 100 + b'"]',
        b'{"' + b"[" * 100 + b'":["\\\\"]}',
    ],
    ids=count(),
)
def test_only_nesting_counts_and_not_brackets(body: bytes) -> None:
    """Many arrays side by side and brackets in strings are harmless."""
    assert parse(body) == json.loads(body)


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 65536,
        b'{"a":' * 13000,
        b"[" * 1000 + b"]" * 1000,
        b"]" * 1000 + b"[" * 2000,
        b'["' + b"[" * 1000 + b'\\"' * 30000,
        b"[" * 70 + b'"\\',
    ],
    ids=count(),
)
def test_deep_or_endless_bodies_are_refused(body: bytes) -> None:
    """No depth and no missing end gets past the check or breaks the parser."""
    with pytest.raises(BodyMalformed):
        parse(body)


def test_strange_text_is_left_to_validation() -> None:
    """Lone surrogates and U+0000 arrive, in names too, so that the field can be named."""
    value = parse(b'{"title":"\\ud800","\\udfff":1,"\\u0000":"a\\u0000b"}')

    assert value == {"title": "\ud800", "\udfff": 1, "\0": "a\0b"}


def test_the_corpus_is_accepted_where_it_must_be() -> None:
    """Every valid document of JSONTestSuite is read, but for the two that I-JSON excludes."""
    refused = {path.name for path in corpus("y") if is_refused(path.read_bytes())}

    assert refused == REFUSED_ON_PURPOSE


def test_the_corpus_is_refused_where_it_must_be() -> None:
    """No invalid document of JSONTestSuite is read."""
    accepted = {path.name for path in corpus("n") if not is_refused(path.read_bytes())}

    assert accepted == set()


def test_the_undecided_corpus_breaks_nothing() -> None:
    """Where JSONTestSuite leaves the choice, a document is read or refused, and nothing else."""
    documents = [path.read_bytes() for path in corpus("i")]

    for document in documents:
        assert is_refused(document) or parse(document) == json.loads(document)
