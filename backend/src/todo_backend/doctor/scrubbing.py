"""The last look at what is shown: no part of a token or secret, no e-mail address."""

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from todo_backend.doctor.finding import Finding

# A shorter piece stands in a sentence by chance, and helps nobody to guess the rest.
PIECE: Final = 8
_INSTEAD: Final = "[…]"
# An escaped quote is a part of an address; the one that ends its value isn't.
_EMAIL: Final = re.compile(r'(?:[^\s"@\\]|\\.)+@(?:[^\s"@\\]|\\.)+')
# As `claims.quoted` spells a value, and to the end where the quotes don't pair.
_QUOTED: Final = re.compile(r'"(?:[^"\\]|\\.)*"?')


def scrubbed(
    findings: Iterable[Finding], secrets: Iterable[str], *, pasted: Iterable[str] = ()
) -> list[Finding]:
    """Take out what is in one of `secrets` too, from PIECE characters on, and addresses.

    What is in `pasted` is taken out of values alone, which stand in quotes: around them are words
    of ours, which say nothing of it even where somebody has pasted the same words.
    """
    hidden, own = _pieces(secrets), _pieces(pasted)

    def clean(text: str) -> str:
        text = _QUOTED.sub(lambda found: _without(own, found[0]), text)
        return _EMAIL.sub(_INSTEAD, _without(hidden, text))

    return [
        replace(
            each,
            sentence=clean(each.sentence),
            remedy=None if each.remedy is None else clean(each.remedy),
        )
        for each in findings
    ]


def _pieces(texts: Iterable[str]) -> set[str]:
    return {text[at : at + PIECE] for text in texts for at in range(len(text) - PIECE + 1)}


def _without(pieces: set[str], text: str) -> str:
    hidden = {
        at + offset
        for at in range(len(text))
        if text[at : at + PIECE] in pieces
        for offset in range(PIECE)
    }
    shown = [
        char if at not in hidden else "" if at - 1 in hidden else _INSTEAD
        for at, char in enumerate(text)
    ]
    return "".join(shown)
