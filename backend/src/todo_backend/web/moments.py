"""Dates and times on the wire (ISO 8601): as clients spell them, and as we do."""

import re
from datetime import UTC, datetime
from typing import Final

from todo_backend.model.errors import Rule

_HOUR: Final = "(?:[01][0-9]|2[0-3])"
_MOMENT: Final = re.compile(
    rf"([0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}})"
    rf"(?:[Tt]({_HOUR}:[0-5][0-9](?::[0-5][0-9](?:[.,][0-9]{{1,9}})?)?)"
    rf"([Zz]|[+ -]{_HOUR}(?::?[0-5][0-9])?)?)?"
)
SPELLING: Final = "must be an ISO 8601 date or date-time, such as 2026-01-31T18:00:00Z"
"""What a text that is none is told."""
# The driver takes the first and the last moment that Python knows for the infinities.
_FIRST: Final = datetime.min.replace(tzinfo=UTC)
_LAST: Final = datetime.max.replace(tzinfo=UTC)
_RANGE: Final = "must be within the years 1 to 9999 in UTC"


class MomentRefused(ValueError):
    """The text is no moment that a task can have: it breaks `rule`, which `constraint` says."""

    def __init__(self, rule: Rule, constraint: str) -> None:
        super().__init__(constraint)
        self.rule = rule
        self.constraint = constraint


def moment(text: str, *, from_form: bool = False) -> datetime:
    """Read a date-time, or a date as its first instant, in UTC where there is no offset.

    What is finer than a microsecond is cut off. `from_form`: the plus of an offset may have become
    a blank, as forms spell it. Raises: MomentRefused.
    """
    found = _MOMENT.fullmatch(text)
    if found is None:
        raise MomentRefused(Rule.FORMAT, SPELLING)
    date, time, offset = found.groups()
    offset = offset or "Z"
    if offset.startswith(" "):
        if not from_form:
            raise MomentRefused(Rule.FORMAT, SPELLING)
        offset = f"+{offset[1:]}"
    try:
        spelled = f"{date}T{(time or '00:00').replace(',', '.')}{offset.upper()}"
        value = datetime.fromisoformat(spelled).astimezone(UTC)
    except OverflowError:
        raise MomentRefused(Rule.OUT_OF_RANGE, _RANGE) from None
    except ValueError:
        # No such day: a month 13, the 30th of February, or the year 0.
        raise MomentRefused(Rule.FORMAT, "must be a day of the calendar") from None
    if not _FIRST < value < _LAST:
        raise MomentRefused(Rule.OUT_OF_RANGE, _RANGE)
    return value


def spell(value: datetime) -> str:
    """Write a moment in UTC as `2026-01-31T18:00:00.000000Z`, its microseconds always there."""
    return value.isoformat(timespec="microseconds").replace("+00:00", "Z")
