"""Dates and times as clients spell them."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from todo_backend.model.errors import Rule
from todo_backend.web.moments import MomentRefused, moment

offsets = st.integers(-23 * 60 - 59, 23 * 60 + 59).map(
    lambda minutes: timezone(timedelta(minutes=minutes))
)
# A day away from the ends, where an offset leads out of the calendar.
moments = st.datetimes(
    min_value=datetime.fromisoformat("0001-01-02"),
    max_value=datetime.fromisoformat("9999-12-30"),
    timezones=offsets,
)


@given(moments)
def test_every_moment_has_a_spelling(value: datetime) -> None:
    """What another program writes of a moment is that moment."""
    assert moment(value.isoformat()) == value
    assert moment(value.isoformat()).tzinfo is UTC


@given(moments)
def test_a_plus_that_a_form_made_a_blank(value: datetime) -> None:
    """In a query, and nowhere else, a blank before the offset is a plus."""
    text = value.isoformat().replace("+", " ")

    assert moment(text, from_form=True) == value
    if " " in text:
        with pytest.raises(MomentRefused):
            moment(text)


@given(st.datetimes().map(lambda value: value.replace(tzinfo=UTC)))
def test_none_means_utc(value: datetime) -> None:
    """The same without its offset is the same."""
    text = value.replace(tzinfo=None).isoformat()
    if value in {datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)}:
        with pytest.raises(MomentRefused):
            moment(text)
        return

    assert moment(text) == value


@given(st.dates(min_value=date(1, 1, 2)))
def test_a_date_is_its_first_instant(value: date) -> None:
    """In UTC."""
    assert moment(str(value)).isoformat() == f"{value}T00:00:00+00:00"


@given(st.text() | st.text("0123456789-+:.,TtZz W", max_size=40))
def test_no_text_breaks_it(text: str) -> None:
    """It is a moment in UTC, or refused by a rule."""
    found: datetime | MomentRefused
    try:
        found = moment(text, from_form=True)
    except MomentRefused as refusal:
        found = refusal

    if isinstance(found, datetime):
        assert found.tzinfo is UTC
        assert text[:4].isdigit()
    else:
        assert found.rule in {Rule.FORMAT, Rule.OUT_OF_RANGE}
