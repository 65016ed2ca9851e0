"""The text parameters of a request: ids in its path, and its query."""

import re
from collections.abc import Sequence
from datetime import datetime
from types import TracebackType
from typing import Final, Self, TypeVar
from urllib.parse import unquote_to_bytes

from todo_backend.model.errors import FieldError, Invalid, Rule, TaskNotFound
from todo_backend.model.text import is_storable, strip, to_well_formed
from todo_backend.web.moments import MomentRefused, moment

BIGINT_MAX: Final = 2**63 - 1
"""The largest id that a row can have."""

_INTEGER: Final = re.compile("0|-?[1-9][0-9]*")
_INTEGER_RULE: Final = "must be a whole number in decimal digits, without leading zeros or blanks"

# int() takes this many digits whatever the interpreter's limit is set to
# (sys.int_info.str_digits_check_threshold).
_ALWAYS_CONVERTIBLE: Final = 640

# A longer name is not worth sending back.
_NAME_SHOWN_MAX: Final = 64

_Option = TypeVar("_Option", bound=str)


def task_id(text: str, *, field: str) -> int:
    """Read the one spelling of a task's id.

    Raises: Invalid naming `field` for any other spelling; TaskNotFound for an integer that no row
    can have. One of more than 640 digits is not converted: the error then holds the
    nearest integer beyond the range of a bigint.
    """
    value = _canonical(text)
    if value is None:
        raise Invalid(FieldError(field, Rule.FORMAT, _INTEGER_RULE, to_well_formed(text)))
    if not 1 <= value <= BIGINT_MAX:
        raise TaskNotFound(value)
    return value


def _canonical(text: str) -> int | None:
    """Read the integer that the text spells, or its nearest beyond a bigint if absurdly long."""
    if _INTEGER.fullmatch(text) is None:
        return None
    if len(text) <= _ALWAYS_CONVERTIBLE:
        return int(text)
    return -BIGINT_MAX - 2 if text.startswith("-") else BIGINT_MAX + 1


def parse_query(raw: bytes) -> dict[str, list[str]]:
    """Decode `name=value` pairs (application/x-www-form-urlencoded) in the order of arrival.

    Bytes that are not UTF-8 become lone surrogates, so that no option or number equals them.
    Only `&` separates; a name without `=` has the value ''.
    """
    query: dict[str, list[str]] = {}
    for pair in raw.split(b"&"):
        if pair:
            name, _, value = pair.partition(b"=")
            query.setdefault(_decode(name), []).append(_decode(value))
    return query


def _decode(encoded: bytes) -> str:
    return unquote_to_bytes(encoded.replace(b"+", b" ")).decode(errors="surrogateescape")


class Query:
    """Reads the parameters that a route knows and gathers what is wrong with them.

    Leaving the `with` block raises Invalid with every error, in the order of the reads, so values
    are good only after it:

        with Query(raw) as query:
            limit = query.integer("limit", minimum=1, maximum=100, default=50)

    A parameter that the route does not read is ignored, unless it holds U+0000, which nobody sends
    in good faith.
    """

    __slots__ = ("_errors", "_values")

    def __init__(self, raw: bytes) -> None:
        self._values = parse_query(raw) if raw else {}
        self._errors: list[FieldError] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is None and self._values:
            self._refuse_null_characters()
            if self._errors:
                raise Invalid(*self._errors)

    def choice(self, name: str, options: Sequence[_Option], *, default: _Option) -> _Option:
        """Read one of `options`, compared code point by code point."""
        text = self._single(name)
        if text is None:
            return default
        for option in options:
            if option == text:
                return option
        self._refuse(name, Rule.FORMAT, "must be one of: " + ", ".join(options), text)
        return default

    def integer(self, name: str, *, minimum: int, maximum: int = BIGINT_MAX, default: int) -> int:
        """Read an integer in its one spelling, both bounds included."""
        text = self._single(name)
        if text is None:
            return default
        value = _canonical(text)
        if value is None:
            self._refuse(name, Rule.FORMAT, _INTEGER_RULE, text)
        elif not minimum <= value <= maximum:
            rule = f"must be between {minimum} and {maximum}"
            self._refuse(name, Rule.OUT_OF_RANGE, rule, text)
        else:
            return value
        return default

    def choices(self, name: str, options: Sequence[_Option]) -> tuple[_Option, ...]:
        """Read any of `options`, each in a parameter of its own; in the order of the options."""
        values = self._values.get(name, [])
        for value in values:
            if value not in options:
                rule = "must be one of: " + ", ".join(options)
                self._refuse(name, Rule.FORMAT, rule, value)
                return ()
        return tuple(option for option in options if option in values)

    def flag(self, name: str) -> bool:
        """Read `true` or `false`; absent is false."""
        return self.choice(name, ("true", "false"), default="false") == "true"

    def moment(self, name: str) -> datetime | None:
        """Read a date or a date-time."""
        text = self._single(name)
        try:
            return None if text is None else moment(text, from_form=True)
        except MomentRefused as error:
            self._refuse(name, error.rule, error.constraint, text or "")
            return None

    def words(self, name: str, *, maximum: int) -> tuple[str, ...]:
        """Read the different words of a text of 1 to `maximum` characters, blank ends apart."""
        text = self._single(name)
        if text is None:
            return ()
        stripped = strip(text)
        if not is_storable(stripped):
            self._refuse(name, Rule.FORMAT, "must be UTF-8 without the null character", text)
        elif not 1 <= len(stripped) <= maximum:
            rule = Rule.TOO_LONG if stripped else Rule.REQUIRED
            self._refuse(name, rule, f"must be between 1 and {maximum} characters", text)
        return tuple(dict.fromkeys(stripped.split()))

    def opaque(self, name: str, *, instead_of: str) -> str | None:
        """Read a text that somebody else understands, and that makes `instead_of` pointless."""
        text = self._single(name)
        if text is not None and instead_of in self._values:
            self._refuse(name, Rule.FORMAT, f"must not be given together with {instead_of}", text)
        return text

    def _single(self, name: str) -> str | None:
        values = self._values.get(name)
        if values is None:
            return None
        if len(values) > 1:
            self._refuse(name, Rule.FORMAT, "must be given once", ", ".join(values))
            return None
        return values[0]

    def _refuse_null_characters(self) -> None:
        reported = {error.field for error in self._errors}
        for name, values in self._values.items():
            if name not in reported and "\0" in "".join((name, *values)):
                shown = name.isidentifier() and len(name) <= _NAME_SHOWN_MAX
                constraint = "must not contain the null character"
                self._refuse(name if shown else "query", Rule.FORMAT, constraint, ", ".join(values))

    def _refuse(self, name: str, rule: Rule, constraint: str, value: str) -> None:
        self._errors.append(FieldError(name, rule, constraint, to_well_formed(value)))
