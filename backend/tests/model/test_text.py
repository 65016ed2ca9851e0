import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from todo_backend.model.text import has_visible, is_storable, strip, to_well_formed

# PropList.txt, White_Space.
WHITE_SPACE = "\t\n\v\f\r \x85\xa0\u1680" + "".join(map(chr, range(0x2000, 0x200B)))
WHITE_SPACE += "\u2028\u2029\u202f\u205f\u3000"

any_text = st.text(st.characters(exclude_categories=()))


@pytest.mark.parametrize(
    "text", ["\0", "a\0b", "\ud800", "\udc00\ud800", "a\udfff", "\U0001f40e\udc00"]
)
def test_what_postgresql_cannot_store_is_known(text: str) -> None:
    """U+0000 and lone surrogates are found wherever they stand."""
    assert not is_storable(text)


@pytest.mark.parametrize(
    "text", ["", "a", "\x01\x7f", "e\u0301", "\U0001f40e", "\ufffe", "\ue000", "\u202eabc\u202c"]
)
def test_everything_else_is_storable(text: str) -> None:
    """Control, combining, direction, private-use and non-characters are text like any other."""
    assert is_storable(text)


@given(any_text)
def test_storable_is_what_utf8_carries_without_nul(text: str) -> None:
    """The answer agrees with the encoder, which is what PostgreSQL is sent."""
    encoded = text.encode(errors="replace")

    assert is_storable(text) == (encoded.decode() == text and b"\0" not in encoded)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\ud800b", "a\ufffdb"),
        ("\udc00\ud800", "\ufffd\ufffd"),
        ("\U0001f40e\0", "\U0001f40e\0"),
    ],
)
def test_lone_surrogates_are_replaced(text: str, expected: str) -> None:
    """What UTF-8 cannot carry becomes U+FFFD, the rest stays."""
    assert to_well_formed(text) == expected


@pytest.mark.parametrize("space", [*WHITE_SPACE, "\x1c", "\x1d", "\x1e", "\x1f"])
def test_white_space_is_stripped_at_both_ends_only(space: str) -> None:
    """All of Unicode's white space goes, and what stands inside stays."""
    assert strip(f"{space}{space}a{space}b{space}") == f"a{space}b"


@pytest.mark.parametrize("kept", ["\u200b", "\ufeff", "\u2800", "\u00ad", "\u3164"])
def test_what_is_not_white_space_is_not_stripped(kept: str) -> None:
    """Invisible characters next to visible ones belong to the text."""
    assert strip(f"{kept}a{kept}") == f"{kept}a{kept}"


@pytest.mark.parametrize(
    "char", [*WHITE_SPACE, *map(chr, range(0x20)), *map(chr, range(0x7F, 0xA0))]
)
def test_white_space_and_controls_are_not_visible(char: str) -> None:
    """A text of blanks and control characters alone looks empty."""
    assert not has_visible(char * 3)


@pytest.mark.parametrize(
    "code_point",
    [
        0x00AD,  # soft hyphen
        0x034F,  # combining grapheme joiner
        0x061C,  # Arabic letter mark
        0x115F,  # Hangul choseong filler
        0x1160,  # Hangul jungseong filler
        0x17B4,  # Khmer vowel inherent Aq
        0x17B5,  # Khmer vowel inherent Aa
        0x180B,  # Mongolian free variation selector one
        0x180E,  # Mongolian vowel separator
        0x180F,  # Mongolian free variation selector four
        0x200B,  # zero-width space
        0x200C,  # zero-width non-joiner
        0x200D,  # zero-width joiner
        0x200E,  # left-to-right mark
        0x200F,  # right-to-left mark
        0x202E,  # right-to-left override
        0x2060,  # word joiner
        0x2061,  # function application
        0x2065,  # unassigned, ignorable
        0x2069,  # pop directional isolate
        0x206F,  # nominal digit shapes
        0x2800,  # braille pattern blank
        0x3164,  # Hangul filler
        0xFE00,  # variation selector 1
        0xFE0F,  # variation selector 16
        0xFEFF,  # zero-width no-break space
        0xFFA0,  # halfwidth Hangul filler
        0xFFF0,  # unassigned, ignorable
        0xFFF9,  # interlinear annotation anchor
        0x13441,  # Egyptian hieroglyph full blank
        0x16FE4,  # Khitan small script filler
        0x1BCA0,  # shorthand format letter overlap
        0x1D159,  # musical symbol null notehead
        0x1D173,  # musical symbol begin beam
        0xE0001,  # language tag
        0xE0020,  # tag space
        0xE007F,  # cancel tag
        0xE0100,  # variation selector 17
        0xE0FFF,  # unassigned, ignorable
        0xD800,  # lone surrogate
    ],
)
def test_a_text_of_an_invisible_character_alone_looks_empty(code_point: int) -> None:
    """Fillers, joiners, tags and selectors leave no mark, alone or among blanks."""
    char = chr(code_point)

    assert not has_visible(char)
    assert not has_visible(f" {char}\u200b{char}\t")
    assert has_visible(f"{char}\N{CYRILLIC SMALL LETTER A}{char}")


def test_every_format_character_of_this_python_is_invisible() -> None:
    """No format character makes a title, however new it is."""
    formats = [char for char in map(chr, range(0x110000)) if unicodedata.category(char) == "Cf"]

    visible = [f"{ord(char):04X}" for char in formats if has_visible(char)]

    assert len(formats) > 150
    assert visible == []


@pytest.mark.parametrize(
    "text",
    [
        "a",
        "0",
        "-",
        " -",
        "\u200bx",
        "é",
        "牛",
        "한",
        "\u05d0",
        "\u0301",  # a lone combining mark is drawn
        "\u20e3",  # so is an enclosing one
        "\u2801",  # the braille pattern after the blank one
        "\ue000",  # private use
        "\U0010fffd",  # private use, last plane
        "\U0001f40e",
        "\u2764\ufe0f",
        "\U0001f1e8\U0001f1fa",
        "\U0001fae9",  # unassigned for Python 3.11, an emoji since Unicode 16
        "\ufffc",
        "\ufffd",
        "\ufffe",
        "\u180a",  # the neighbours of the ignorable ranges
        "\u2010",
        "\ufe10",
        "\uff9f",
        "\uffa1",
    ],
)
def test_what_leaves_a_mark_is_visible(text: str) -> None:
    """Letters, marks, symbols, private-use and unassigned characters make a title."""
    assert has_visible(text)


@given(any_text, any_text)
def test_text_around_it_never_hides_a_visible_character(before: str, after: str) -> None:
    """One visible character is enough, wherever it stands."""
    assert has_visible(f"{before}x{after}")
