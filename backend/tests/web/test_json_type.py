import pytest
from hypothesis import given
from hypothesis import strategies as st

from todo_backend.web.json_body import json_type_ok


@pytest.mark.parametrize(
    "content_type",
    [
        b"application/json",
        b"Application/JSON",
        b" application/json\t",
        b"application/json;",
        b"application/json;charset=utf-8",
        b"application/json; charset=utf-8",
        b"application/json; charset=UTF-8",
        b'application/json ; Charset="Utf-8"',
        b'application/json; charset="utf\\-8"',
        b"application/json; version=1; charset=utf-8;",
        b'application/json; title="a;b,\\"c"',
        b"application/json; charset=utf-8; charset=UTF-8",
    ],
)
def test_json_with_parameters_is_json(content_type: bytes) -> None:
    """The type is read without regard to case, and parameters that harm nothing pass."""
    assert json_type_ok(content_type)


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        b"",
        b";",
        b"json",
        b"text/json",
        b"text/plain",
        b"application/xml",
        b"application/jsonp",
        b"application/json/",
        b"application/json5",
        b"application/problem+json",
        b"application/json, text/plain",
        b"application/json,application/json",
        b"application/json x",
        b"application /json",
        b"application/json; charset",
        b"application/json; charset=",
        b"application/json; charset =utf-8",
        b"application/json; charset=utf-16",
        b"application/json; charset=utf8",
        b"application/json; charset=iso-8859-1",
        b"application/json; charset=utf-8; charset=utf-16",
        b'application/json; charset="utf-8',
        b'application/json; a="\x00"',
        b"application/json\x00",
        b"application/json; a=\xff",
        b"multipart/form-data; boundary=application/json",
    ],
)
def test_any_other_type_is_not_json(content_type: bytes | None) -> None:
    """A near miss, a second type and another charset are refused."""
    assert not json_type_ok(content_type)


@given(st.binary())
def test_random_parameters_are_judged(parameters: bytes) -> None:
    """Whatever follows the type, there is an answer, and a comma outside quotes makes it no."""
    accepted = json_type_ok(b"application/json" + parameters)

    assert not (accepted and b"," in parameters and b'"' not in parameters)
