import traceback
from contextlib import suppress
from itertools import count
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field

from todo_backend.model.errors import FieldError, Invalid, Rule
from todo_backend.web.fields import Description, Title, validate

UNSTORABLE = "must not contain the null character or half of a surrogate pair"


class WireModel(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)


class TaskIn(WireModel):
    title: Annotated[str, Title(255)]
    description: Annotated[str, Description(1000)] | None = None
    completed: bool = False


class TaskEdit(WireModel):
    title: Annotated[str, Title(200)] = ""
    completed: bool = False
    position: Annotated[int, Field(ge=0, lt=10)] = 0
    priority: Literal["low", "high"] = "low"


class SignUp(WireModel):
    email: Annotated[str, Description(254)]
    password: Annotated[str, Field(min_length=8, max_length=64)]


class Nested(WireModel):
    tasks: list[TaskIn]


def refusals(model: type[BaseModel], data: object) -> tuple[FieldError, ...]:
    with pytest.raises(Invalid) as refusal:
        validate(model, data)
    return refusal.value.errors


any_text = st.text(st.characters(exclude_categories=()))
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | any_text,
    lambda inner: st.lists(inner) | st.dictionaries(any_text, inner),
    max_leaves=10,
)


def test_a_task_is_read() -> None:
    """The title is stripped, the description is kept, absent fields are known as such."""
    task = validate(TaskIn, {"title": " \u3000Buy milk\n", "description": " 2 l\n", "id": 7})

    assert task == TaskIn(title="Buy milk", description=" 2 l\n")
    assert task.model_fields_set == {"title", "description"}


@pytest.mark.parametrize(
    "title",
    [
        "<script>alert(1)</script>",
        "Robert'); DROP TABLE tasks;--",
        "a\\\"'%s%n{0}${jndi:ldap://x}",
        "e\u0301 \u00e9",
        "\u202eabc\u202c \u2066x\u2069",
        "x\r\n2026-01-01 ERROR",
        "\u200bx\u200b",
        "\U0001f468\u200d\U0001f469\u200d\U0001f467",
    ],
)
def test_text_is_kept_as_it_is(title: str) -> None:
    """Nothing is escaped, normalised or cleaned, in titles and descriptions alike."""
    task = validate(TaskIn, {"title": title, "description": title})

    assert (task.title, task.description) == (title, title)


@pytest.mark.parametrize("char", ["a", "\U0001f600", "é"])
def test_lengths_are_counted_in_code_points_after_the_strip(char: str) -> None:
    """The limit itself passes, blanks around a title don't count, one more does."""
    task = validate(TaskIn, {"title": f" {char * 255}   ", "description": char * 1000})
    too_long = refusals(TaskIn, {"title": char * 256, "description": char * 1001})

    assert (len(task.title), len(task.description or "")) == (255, 1000)
    assert too_long == (
        FieldError("title", Rule.TOO_LONG, "must be between 1 and 255 characters", char * 256),
        FieldError("description", Rule.TOO_LONG, "must be at most 1000 characters", char * 1001),
    )


def test_a_description_may_be_empty_or_blank() -> None:
    """Only titles have to be seen, and blanks around a description count."""
    assert validate(TaskIn, {"title": "a", "description": ""}).description == ""
    assert validate(TaskIn, {"title": "a", "description": " \u200b "}).description == " \u200b "
    assert refusals(TaskIn, {"title": "a", "description": " " * 1001})[0].rule is Rule.TOO_LONG


@pytest.mark.parametrize(
    ("data", "constraint", "value"),
    [
        ({}, "is required", None),
        ({"description": "a"}, "is required", None),
        ({"title": None}, "must not be null", None),
        ({"title": ""}, "must be between 1 and 255 characters", ""),
        ({"title": " \t\n\u3000"}, "must be between 1 and 255 characters", " \t\n\u3000"),
        ({"title": "\u200b\u200b"}, "must have a visible character", "\u200b\u200b"),
        ({"title": "\u3164"}, "must have a visible character", "\u3164"),
        ({"title": "\u2800"}, "must have a visible character", "\u2800"),
        ({"title": "\U000e0020"}, "must have a visible character", "\U000e0020"),
    ],
)
def test_a_title_is_required(data: object, constraint: str, value: object) -> None:
    """A title that is missing, null or not to be seen breaks the same rule."""
    errors = refusals(TaskIn, data)

    assert errors == (FieldError("title", Rule.REQUIRED, constraint, value),)


@pytest.mark.parametrize("field", ["title", "description"])
@pytest.mark.parametrize(
    "text", ["a\0b", "\ud800", "\udc00\ud800", "a\udfff" * 300, "\0"], ids=count()
)
def test_text_that_cannot_be_stored_names_its_field(field: str, text: str) -> None:
    """U+0000 and lone surrogates are refused, and the error itself fits into UTF-8."""
    (error,) = refusals(TaskIn, {"title": "a"} | {field: text})

    assert (error.field, error.rule, error.constraint) == (field, Rule.FORMAT, UNSTORABLE)
    assert error.value == text.encode(errors="replace").decode().replace("?", "\ufffd")


@pytest.mark.parametrize(
    "data",
    [
        {"title": "a", "\ud800": 1, "\0": 2},
        {"title": "a", "x": "\ud800"},
        {"title": "a", "x": {"\udfff": ["\ud800", {"\0": "\0"}]}},
        {"title": "a", "user_id": "bob", "id": 9, "_sa_instance_state": "x", "__class__": 1},
    ],
)
def test_unknown_members_are_ignored(data: object) -> None:
    """Whatever a member is called or holds, one that the contract does not know changes nothing."""
    assert validate(TaskIn, data) == TaskIn(title="a")


@pytest.mark.parametrize(
    "data", [[], ["a"], None, "hunter2", "\ud800", 1, 1.5, True, [["title", 1]]]
)
def test_a_body_is_an_object(data: object) -> None:
    """Any other JSON value is refused as a whole, and not repeated: it may hold a secret."""
    errors = refusals(TaskIn, data)

    assert errors == (FieldError("body", Rule.FORMAT, "must be a JSON object", None),)


@pytest.mark.parametrize("value", ["true", "yes", "", 0, 1, 2, 1.0, None, [], {}, "\ud800"])
def test_booleans_are_strict(value: object) -> None:
    """Nothing but true and false is a boolean, and null is none where the contract has no null."""
    (error,) = refusals(TaskEdit, {"completed": value})

    assert (error.field, error.rule) == ("completed", Rule.FORMAT)
    assert error.constraint == ("must not be null" if value is None else "must be true or false")


@pytest.mark.parametrize("value", ["5", 1.0, 1.5, True, [], "\ud800"])
def test_integers_are_strict(value: object) -> None:
    """Text, fractions and booleans are not integers."""
    (error,) = refusals(TaskEdit, {"position": value})

    assert (error.rule, error.constraint) == (Rule.FORMAT, "must be a whole number")


@pytest.mark.parametrize(
    ("value", "constraint"),
    [(-1, "must be at least 0"), (10, "must be less than 10"), (10**300, "must be less than 10")],
)
def test_bounds_are_told(value: int, constraint: str) -> None:
    """A number beyond its bounds is out of range, and the sentence has the bound."""
    (error,) = refusals(TaskEdit, {"position": value})

    assert error == FieldError("position", Rule.OUT_OF_RANGE, constraint, value)


@pytest.mark.parametrize("value", ["Low", "", 1, "\ud800", ["low"]])
def test_options_are_told(value: object) -> None:
    """A value that is none of the options breaks the format."""
    (error,) = refusals(TaskEdit, {"priority": value})

    assert (error.field, error.rule) == ("priority", Rule.FORMAT)


@pytest.mark.parametrize("value", [1, True, 1.5, [], {"title": "a"}, {"\ud800": 1}])
def test_a_title_is_a_string(value: object) -> None:
    """Any other JSON value is the wrong type, and sent back as it came."""
    errors = refusals(TaskIn, {"title": value})

    assert errors == (FieldError("title", Rule.FORMAT, "must be a string", value),)


def test_null_where_a_field_may_be_left_out_is_a_wrong_format() -> None:
    """An optional field is not required, so its null breaks the format."""
    errors = refusals(TaskEdit, {"title": None})

    assert errors == (FieldError("title", Rule.FORMAT, "must not be null", None),)


def test_all_errors_arrive_in_the_order_of_the_model() -> None:
    """One answer names everything that is wrong, whatever the order in the body."""
    errors = refusals(TaskIn, {"completed": 1, "description": "\0", "title": " "})

    assert [error.field for error in errors] == ["title", "description", "completed"]
    assert [error.rule for error in errors] == [Rule.REQUIRED, Rule.FORMAT, Rule.FORMAT]


def test_an_error_inside_a_list_has_a_path() -> None:
    """The field of a nested value says where it stands."""
    (error,) = refusals(Nested, {"tasks": [{"title": "a"}, {"title": ""}]})

    assert (error.field, error.rule) == ("tasks.1.title", Rule.REQUIRED)


@pytest.mark.parametrize(
    ("password", "rule", "constraint"),
    [
        (None, Rule.REQUIRED, "must not be null"),
        ("", Rule.REQUIRED, "must be at least 8 characters"),
        ("hunter2", Rule.FORMAT, "must be at least 8 characters"),
        ("hunter2" * 10, Rule.TOO_LONG, "must be at most 64 characters"),
        (["hunter2"], Rule.FORMAT, "must be a string"),
        ({"hunter2": "hunter2"}, Rule.FORMAT, "must be a string"),
        ("hunter2\ud800", Rule.FORMAT, UNSTORABLE),
    ],
)
def test_a_password_is_never_repeated(password: object, rule: Rule, constraint: str) -> None:
    """No error, and no traceback of one, holds what was typed as a password."""
    with pytest.raises(Invalid) as refusal:
        validate(SignUp, {"email": "ann@example.com", "password": password})

    assert refusal.value.errors == (FieldError("password", rule, constraint, None),)
    assert "hunter2" not in "".join(traceback.format_exception(refusal.value))


def test_a_missing_field_does_not_repeat_its_neighbours() -> None:
    """The error for a missing address has nothing of the password beside it."""
    errors = refusals(SignUp, {"password": "hunter2hunter2"})

    assert errors == (FieldError("email", Rule.REQUIRED, "is required", None),)


@given(json_values)
def test_any_value_is_accepted_or_invalid(value: Any) -> None:
    """No JSON value in any field, known or not, raises anything but Invalid."""
    field_names = ("title", "description", "completed", "position", "priority", "email", "password")
    for model in (TaskIn, TaskEdit, SignUp, Nested):
        for data in (value, *({"title": "a", name: value, "x": value} for name in field_names)):
            with suppress(Invalid):
                assert isinstance(validate(model, data), model)


def test_the_limits_stand_in_the_json_schema() -> None:
    """OpenAPI shows the limits that the types enforce."""
    properties = TaskIn.model_json_schema()["properties"]

    title = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": r"\S"}
    assert properties["title"].items() >= title.items()
    assert {"type": "string", "maxLength": 1000} in properties["description"]["anyOf"]
    assert {"type": "null"} in properties["description"]["anyOf"]
