"""What text a row can hold, and what text a person can see."""

import re
from itertools import chain
from typing import Final
from unicodedata import category

_SURROGATE: Final = re.compile("[\ud800-\udfff]")

# Default_Ignorable_Code_Point of Unicode 16 (DerivedCoreProperties.txt): a renderer draws nothing
# for them even where the font has no glyph. Spelled out because `unicodedata` lacks the property.
_DEFAULT_IGNORABLE: Final = (
    range(0x00AD, 0x00AE),  # soft hyphen
    range(0x034F, 0x0350),  # combining grapheme joiner
    range(0x061C, 0x061D),  # Arabic letter mark
    range(0x115F, 0x1161),  # Hangul choseong and jungseong fillers
    range(0x17B4, 0x17B6),  # Khmer inherent vowels
    range(0x180B, 0x1810),  # Mongolian variation selectors and vowel separator
    range(0x200B, 0x2010),  # zero-width space and joiners, direction marks
    range(0x202A, 0x202F),  # bidirectional embeddings and overrides
    range(0x2060, 0x2070),  # word joiner, invisible operators, isolates
    range(0x3164, 0x3165),  # Hangul filler
    range(0xFE00, 0xFE10),  # variation selectors
    range(0xFEFF, 0xFF00),  # zero-width no-break space
    range(0xFFA0, 0xFFA1),  # halfwidth Hangul filler
    range(0xFFF0, 0xFFF9),  # unassigned specials
    range(0x1BCA0, 0x1BCA4),  # shorthand format controls
    range(0x1D173, 0x1D17B),  # musical beams and slurs
    range(0xE0000, 0xE1000),  # tags and supplementary variation selectors
)

# Letters, marks and symbols by category whose glyph is empty by definition (their names in
# UnicodeData.txt say so), which no property tells.
_EMPTY_GLYPHS: Final = (
    range(0x2800, 0x2801),  # braille pattern blank
    range(0x13441, 0x13443),  # Egyptian hieroglyph full and half blank
    range(0x16FE4, 0x16FE5),  # Khitan small script filler
    range(0x1D159, 0x1D15A),  # musical symbol null notehead
)

_BLANK: Final = frozenset(map(chr, chain(*_DEFAULT_IGNORABLE, *_EMPTY_GLYPHS)))
_BLANK_CATEGORIES: Final = frozenset({"Cc", "Cf", "Cs"})


def is_storable(text: str) -> bool:
    """Whether PostgreSQL can store the text: no U+0000, no lone surrogate."""
    return "\0" not in text and (text.isascii() or _SURROGATE.search(text) is None)


def to_well_formed(text: str) -> str:
    """Put U+FFFD in place of each lone surrogate, so that UTF-8 can carry the text."""
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)


def strip(text: str) -> str:
    """Strip the white space at both ends: what `str.isspace()` is true for.

    That is Unicode's White_Space and the separators U+001C to U+001F; the zero-width characters are
    not among them.
    """
    return text.strip()


def has_visible(text: str) -> bool:
    """Whether at least one character leaves a mark on the screen.

    A lone combining mark does: it is drawn over a blank or a dotted circle. So do private-use
    characters (icon fonts) and unassigned ones, since an emoji may be younger than this Python's
    Unicode tables. Format characters never do, as the contracts want it, though a few of the
    Arabic ones have a glyph.
    """
    if not text:
        return False
    first = text[0]
    if first.isascii() and first.isalnum():
        return True
    return any(map(_is_visible, text))


def _is_visible(char: str) -> bool:
    return char not in _BLANK and not char.isspace() and category(char) not in _BLANK_CATEGORIES
