"""The fields of a JSON body: the text types of the wire models, and what is wrong with a body."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final, TypeVar

from pydantic import BaseModel, GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationError
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, ErrorDetails, PydanticCustomError, core_schema

from todo_backend.auth import emails, passwords
from todo_backend.model.errors import FieldError, Invalid, Rule
from todo_backend.model.text import has_visible, is_storable, strip, to_well_formed
from todo_backend.web.moments import MomentRefused, moment

SENSITIVE: Final = frozenset({"password", "token", "refresh_token"})
"""The fields whose value no error repeats."""

_UNSTORABLE: Final = "must not contain the null character or half of a surrogate pair"

# Pydantic's error types with our rule and a sentence for a person; the braces are of its `ctx`.
_RULES: Final[Mapping[str, tuple[Rule, str]]] = MappingProxyType(
    {
        "missing": (Rule.REQUIRED, "is required"),
        "string_type": (Rule.FORMAT, "must be a string"),
        "string_unicode": (Rule.FORMAT, _UNSTORABLE),
        "string_too_long": (Rule.TOO_LONG, "must be at most {max_length} characters"),
        "string_too_short": (Rule.FORMAT, "must be at least {min_length} characters"),
        "bool_type": (Rule.FORMAT, "must be true or false"),
        "int_type": (Rule.FORMAT, "must be a whole number"),
        "greater_than": (Rule.OUT_OF_RANGE, "must be greater than {gt}"),
        "greater_than_equal": (Rule.OUT_OF_RANGE, "must be at least {ge}"),
        "less_than": (Rule.OUT_OF_RANGE, "must be less than {lt}"),
        "less_than_equal": (Rule.OUT_OF_RANGE, "must be at most {le}"),
        "literal_error": (Rule.FORMAT, "must be {expected}"),
        "enum": (Rule.FORMAT, "must be {expected}"),
        "model_type": (Rule.FORMAT, "must be a JSON object"),
        "dict_type": (Rule.FORMAT, "must be a JSON object"),
        "list_type": (Rule.FORMAT, "must be a JSON array"),
    }
)
# What `refusal` makes of a rule.
_OWN_TYPES: Final = frozenset(rule.value for rule in Rule)
_OTHERWISE: Final = (Rule.FORMAT, "is not a valid value")

_Model = TypeVar("_Model", bound=BaseModel)


def validate(model: type[_Model], data: object) -> _Model:
    """Read a parsed body as a wire model (pydantic, `strict=True`, `extra="ignore"`).

    Raises: Invalid, in the order of the model's fields; its field is "body" where the body as a
    whole is wrong, and a path with dots inside nested values.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        # No `from`: pydantic's text repeats the input.
        raise Invalid(*_field_errors(model, error)) from None


def refusal(rule: Rule, constraint: str) -> PydanticCustomError:
    """Make the error that a validator of a wire model raises; `constraint` has no braces."""
    return PydanticCustomError(rule.value, constraint)


def _require_fit(value: str, maximum: int) -> None:
    if not is_storable(value):
        raise refusal(Rule.FORMAT, _UNSTORABLE)
    if len(value) > maximum:
        raise refusal(Rule.TOO_LONG, f"must be at most {maximum} characters")


class _Checked:
    """A marker of a text, which pydantic has checked here."""

    __slots__ = ()

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._checked, handler(source))

    def _checked(self, value: str) -> str:
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class _Text(_Checked):
    """A marker of a text of at most `max_length` characters."""

    max_length: int


@dataclass(frozen=True, slots=True)
class Title(_Text):
    """Makes `Annotated[str, Title(255)]` a stripped, storable, visible text of 1 to 255 characters.

    Characters are code points, counted after the strip.
    """

    @property
    def sentence(self) -> str:
        """The rule, for the documentation."""
        return (
            f"1 to {self.max_length} characters (code points), one of them visible, without the "
            "white space around them, which is taken off."
        )

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return handler(schema) | {"minLength": 1, "maxLength": self.max_length, "pattern": r"\S"}

    def _checked(self, value: str) -> str:
        title = strip(value)
        if not is_storable(title):
            raise refusal(Rule.FORMAT, _UNSTORABLE)
        if not title or len(title) > self.max_length:
            rule = Rule.TOO_LONG if title else Rule.REQUIRED
            raise refusal(rule, f"must be between 1 and {self.max_length} characters")
        if not has_visible(title):
            raise refusal(Rule.REQUIRED, "must have a visible character")
        return title


class Name(Title):
    """Makes `Annotated[str, Name(255)]` what somebody is called: the rules of a title."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Verbatim(_Text):
    """Makes `Annotated[str, Verbatim(1024)]` a storable text, kept as it arrives."""

    @property
    def sentence(self) -> str:
        """The rule, for the documentation."""
        return f"At most {self.max_length} characters, kept as they are."

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return handler(schema) | {"maxLength": self.max_length}

    def _checked(self, value: str) -> str:
        _require_fit(value, self.max_length)
        return value


class Description(Verbatim):
    """Makes `Annotated[str, Description(1000)] | None` a description, kept as it arrives."""

    __slots__ = ()


class EmailAddress(_Checked):
    """Makes `Annotated[str, EmailAddress()]` an address fit for an account, as it was typed."""

    __slots__ = ()

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return handler(schema) | {"format": "email", "maxLength": emails.ADDRESS_MAX}

    def _checked(self, value: str) -> str:
        _require_fit(value, emails.ADDRESS_MAX)
        try:
            return emails.parse(value).typed
        except ValueError as error:
            rule = Rule.FORMAT if strip(value) else Rule.REQUIRED
            raise refusal(rule, str(error)) from None


class Password(_Checked):
    """Makes `Annotated[str, Password()]` a password fit for an account, kept as it arrives."""

    __slots__ = ()

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        bounds = {"minLength": passwords.LENGTH_MIN, "maxLength": passwords.LENGTH_MAX}
        return handler(schema) | {"format": "password", **bounds}

    def _checked(self, value: str) -> str:
        weakness = passwords.weakness(value)
        if weakness is None:
            return value
        if not value:
            raise refusal(Rule.REQUIRED, weakness)
        raise refusal(Rule.TOO_LONG if len(value) > passwords.LENGTH_MAX else Rule.FORMAT, weakness)


@dataclass(frozen=True, slots=True)
class Moment:
    """Makes `Annotated[datetime, Moment()]` a moment in UTC, spelled as a date or a date-time."""

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        # Strictly a text: pydantic's own would take a number for a Unix time.
        return core_schema.no_info_after_validator_function(self._read, core_schema.str_schema())

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {"type": "string", "anyOf": [{"format": "date-time"}, {"format": "date"}]}

    def _read(self, value: str) -> datetime:
        try:
            return moment(value)
        except MomentRefused as error:
            raise refusal(error.rule, error.constraint) from None


def _field_errors(model: type[BaseModel], error: ValidationError) -> Iterator[FieldError]:
    for details in error.errors(include_url=False):
        location = details["loc"]
        rule, constraint = _broken(model, details)
        secret = not location or not SENSITIVE.isdisjoint(location)
        # The input of a missing field is all that stands around it.
        value = None if secret or details["type"] == "missing" else _shown(details["input"])
        field = to_well_formed(".".join(map(str, location))) or "body"
        yield FieldError(field, rule, constraint, value)


def _broken(model: type[BaseModel], details: ErrorDetails) -> tuple[Rule, str]:
    kind, location, value = details["type"], details["loc"], details["input"]
    if value is None and location:
        field = model.model_fields.get(str(location[0]))
        required = len(location) == 1 and field is not None and field.is_required()
        return (Rule.REQUIRED if required else Rule.FORMAT), "must not be null"
    if kind in _OWN_TYPES:
        return Rule(kind), details["msg"]
    rule, sentence = _RULES.get(kind, _OTHERWISE)
    if kind == "string_too_short" and not value:
        rule = Rule.REQUIRED
    return rule, sentence.format(**details.get("ctx", {}))


def _shown(value: object) -> object:
    return to_well_formed(value) if isinstance(value, str) else value
