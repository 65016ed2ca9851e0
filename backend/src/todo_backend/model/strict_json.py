"""JSON that no two readers read differently: RFC 8259 narrowed by I-JSON (RFC 7493)."""

import json
import re
from itertools import accumulate
from math import isinf
from typing import Final, NoReturn

# The digits of the largest double, 1.797…e308: a shorter integer always fits into one.
_DOUBLE_DIGITS: Final = 308

# An unterminated string matches as well, and nothing backtracks: else a text of escaped quotes
# would cost time in proportion to the square of its length.
_STRING: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_NOT_BRACKETS: Final = bytes(set(range(256)) - set(b"[]{}"))
_STEP: Final = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}


class JsonMalformed(ValueError):
    """Not JSON in the strict sense. The message names the defect and never quotes the text."""


def parse(octets: bytes, *, depth_max: int) -> object:
    """Read one JSON text in UTF-8, with at most `depth_max` arrays and objects inside each other.

    Strings, and the names of members, may hold U+0000 and lone surrogates; whoever validates them
    can name the field.
    Raises: JsonMalformed, also for a byte order mark, a member named twice, and a number that no
    double can hold.
    """
    try:
        text = octets.decode()
    except UnicodeDecodeError:
        raise JsonMalformed("not UTF-8") from None
    # Before the parser recurses into it.
    if octets.count(b"[") + octets.count(b"{") > depth_max and _depth(octets) > depth_max:
        raise JsonMalformed("JSON nested too deeply")
    try:
        value: object = _DECODER.decode(text)
    except json.JSONDecodeError:
        raise JsonMalformed("not JSON") from None
    return value


def _depth(octets: bytes) -> int:
    # Right as far as the text is JSON, and the parser stops where it is not.
    brackets = _STRING.sub(b"", octets).translate(None, _NOT_BRACKETS)
    return max(accumulate(map(_STEP.__getitem__, brackets)), default=0)


def _object(members: list[tuple[str, object]]) -> dict[str, object]:
    unique = dict(members)
    if len(unique) != len(members):
        raise JsonMalformed("JSON member repeated")
    return unique


def _number(digits: str) -> float:
    value = float(digits)
    if isinf(value):
        raise JsonMalformed("JSON number beyond a double")
    return value


def _integer(digits: str) -> int:
    # Only so long a number can be beyond a double, or beyond the digits that int() converts.
    if len(digits) > _DOUBLE_DIGITS:
        _number(digits)
    return int(digits)


def _constant(_: str) -> NoReturn:
    raise JsonMalformed("NaN or Infinity in JSON")


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_integer, parse_float=_number, parse_constant=_constant
)
