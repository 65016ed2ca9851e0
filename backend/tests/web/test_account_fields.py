"""The text types of accounts: addresses, passwords and names."""

from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict

from todo_backend.model.errors import FieldError, Invalid, Rule
from todo_backend.web.fields import EmailAddress, Name, Password, Verbatim, validate

ADDRESS = "must be a valid e-mail address"
LENGTH = "must be between 8 and 1024 characters"
UNSTORABLE = "must not contain the null character or half of a surrogate pair"


class SignUp(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)

    email: Annotated[str, EmailAddress()] = "ann@example.com"
    password: Annotated[str, Password()] = "a good passphrase"
    name: Annotated[str, Name(10)] = "Ann"
    token: Annotated[str, Verbatim(10)] = "x"


def refusal_of(**members: object) -> FieldError:
    with pytest.raises(Invalid) as refusal:
        validate(SignUp, members)
    [error] = refusal.value.errors
    return error


def test_an_address_is_kept_as_typed() -> None:
    """But for the blanks around it."""
    assert validate(SignUp, {"email": " Ann+todo@Example.COM\t"}).email == "Ann+todo@Example.COM"


@pytest.mark.parametrize(
    ("email", "rule", "constraint"),
    [
        ("", Rule.REQUIRED, ADDRESS),
        ("  ", Rule.REQUIRED, ADDRESS),
        ("ann", Rule.FORMAT, ADDRESS),
        ("ann@localhost", Rule.FORMAT, ADDRESS),
        ("a" * 243 + "@example.com", Rule.TOO_LONG, "must be at most 254 characters"),
        ("ann\0@example.com", Rule.FORMAT, UNSTORABLE),
        ("ann@example.com\ud800", Rule.FORMAT, UNSTORABLE),
    ],
    ids=lambda value: ascii(value)[:30],
)
def test_an_address_is_refused(email: str, rule: Rule, constraint: str) -> None:
    """By the first rule that it breaks."""
    error = refusal_of(email=email)

    assert (error.field, error.rule, error.constraint) == ("email", rule, constraint)


@pytest.mark.parametrize(
    "password",
    [" 8 chars", "\U0001f600\u00e9 e\u0301\t\n\x01", "".join(map(chr, range(33, 1024, 3))) * 3],
)
def test_a_password_is_kept_as_typed(password: str) -> None:
    """To the last blank."""
    assert validate(SignUp, {"password": password}).password == password


@pytest.mark.parametrize(
    ("password", "rule", "constraint"),
    [
        ("", Rule.REQUIRED, LENGTH),
        ("hunter2", Rule.FORMAT, LENGTH),
        ("hunter2 " * 129, Rule.TOO_LONG, LENGTH),
        ("password1", Rule.FORMAT, "must not be one of the most common passwords"),
    ],
    ids=lambda value: ascii(value)[:30],
)
def test_a_password_is_refused_and_not_repeated(password: str, rule: Rule, constraint: str) -> None:
    """The rule is told, the password isn't."""
    assert refusal_of(password=password) == FieldError("password", rule, constraint, None)


@pytest.mark.parametrize("password", ["abcdefgh\0", "abcdefgh\ud800"], ids=ascii)
def test_a_password_that_nothing_can_store_is_refused(password: str) -> None:
    """It isn't cut off at the character in question."""
    assert refusal_of(password=password).rule is Rule.FORMAT


@pytest.mark.parametrize(
    ("name", "rule"),
    [("", Rule.REQUIRED), ("\u200b", Rule.REQUIRED), ("n" * 11, Rule.TOO_LONG)],
    ids=ascii,
)
def test_a_name_is_like_a_title(name: str, rule: Rule) -> None:
    """Stripped, to be seen, and of limited length."""
    assert refusal_of(name=name).rule is rule
    assert validate(SignUp, {"name": f"  {'n' * 10} "}).name == "n" * 10


def test_a_verbatim_text_may_be_empty() -> None:
    """Nothing is asked of it but that it can be stored, and an end."""
    assert validate(SignUp, {"token": ""}).token == ""
    assert validate(SignUp, {"token": " \u200b "}).token == " \u200b "
    assert refusal_of(token="x" * 11).rule is Rule.TOO_LONG
    assert refusal_of(token="\0").constraint == UNSTORABLE


@given(st.text(st.characters(exclude_categories=())))
def test_any_text_is_accepted_or_invalid(text: str) -> None:
    """No text in any field raises anything but Invalid, and what is accepted is as it was."""
    for field in ("email", "password", "name", "token"):
        try:
            found = validate(SignUp, {field: text})
        except Invalid:
            continue
        assert getattr(found, field) in {text, text.strip(), text.strip(" \t")}


def test_the_rules_stand_in_the_json_schema() -> None:
    """OpenAPI shows what a form can check by itself."""
    properties = SignUp.model_json_schema()["properties"]

    assert properties["email"].items() >= {"format": "email", "maxLength": 254}.items()
    password = {"format": "password", "minLength": 8, "maxLength": 1024}
    assert properties["password"].items() >= password.items()
    assert properties["name"].items() >= {"minLength": 1, "maxLength": 10}.items()
    assert properties["token"].items() >= {"maxLength": 10}.items()
