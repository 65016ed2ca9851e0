"""Sealed positions, without HTTP around them."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from todo_backend.model.errors import Invalid, Rule
from todo_backend.model.search import Position
from todo_backend.model.task import TaskId
from todo_backend.web.cursors import CURSOR_MAX, Cursors

SECRET = "a-secret-of-this-test-0123456789-abcdef"
CURSORS = Cursors(SECRET)
LONGEST_TITLE = "\U0010ffff" * 255
positions = st.builds(
    Position,
    st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=255),
    st.integers(1, 2**63 - 1).map(TaskId),
)


def refused(cursors: Cursors, cursor: str, scope: bytes) -> None:
    with pytest.raises(Invalid) as refusal:
        cursors.open(cursor, scope=scope)
    (error,) = refusal.value.errors
    assert (error.field, error.rule, error.value) == ("cursor", Rule.FORMAT, None)


@given(positions, st.binary())
def test_it_opens_for_what_it_was_sealed_for(position: Position, scope: bytes) -> None:
    """Any position comes back, in any process that has the secret, and has one spelling."""
    cursor = CURSORS.seal(position, scope=scope)

    assert Cursors(SECRET).open(cursor, scope=scope) == position
    assert CURSORS.seal(position, scope=scope) == cursor


@given(positions, st.binary(), st.binary())
def test_another_scope(position: Position, scope: bytes, other: bytes) -> None:
    """Every byte of the scope counts."""
    cursor = CURSORS.seal(position, scope=scope)
    if scope != other:
        refused(CURSORS, cursor, other)


@given(positions, st.integers(min_value=0), st.integers(1, 255))
def test_no_byte_can_be_changed(position: Position, at: int, change: int) -> None:
    """Neither in the position nor in the seal."""
    cursor = CURSORS.seal(position, scope=b"")
    octets = bytearray(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    octets[at % len(octets)] ^= change

    refused(CURSORS, base64.urlsafe_b64encode(octets).rstrip(b"=").decode(), b"")


@given(st.text() | st.text("Aa0-_=", max_size=80))
def test_text_is_no_cursor(text: str) -> None:
    """Whatever it is, nothing but a refusal comes of it."""
    refused(CURSORS, text, b"")


def test_another_secret() -> None:
    """What one deployment sealed, another one refuses."""
    cursor = CURSORS.seal(Position("x", TaskId(1)), scope=b"")

    refused(Cursors(SECRET + "x"), cursor, b"")


def test_position_and_scope_are_not_mixed_up() -> None:
    """What was moved from the one to the other is another cursor."""
    inner = CURSORS.seal(Position("ab", TaskId(1)), scope=b"cd")
    outer = CURSORS.seal(Position("abcd", TaskId(1)), scope=b"")

    assert inner[:40] != outer[:40]
    refused(CURSORS, inner, b"")
    refused(CURSORS, outer, b"cd")


def test_the_longest_title_fits() -> None:
    """No page of any task is without a next one."""
    position = Position(LONGEST_TITLE, TaskId(2**63 - 1))

    cursor = CURSORS.seal(position, scope=b"")

    assert len(cursor) < CURSOR_MAX
    assert CURSORS.open(cursor, scope=b"") == position


def test_a_longer_one_is_not_even_decoded() -> None:
    """A genuine seal on more than fits is none."""
    cursor = CURSORS.seal(Position("x" * CURSOR_MAX, TaskId(1)), scope=b"")

    refused(CURSORS, cursor, b"")
