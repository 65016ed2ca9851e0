"""The last look at what is shown: no part of a token or secret, no e-mail address."""

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from todo_backend.doctor.finding import Finding

# A shorter piece stands in a sentence by chance, and helps nobody to guess the rest.
PIECE: Final = 8
_INSTEAD: Final = "[…]"
_EMAIL: Final = re.compile(r"[^\s\"@]+@[^\s\"@]+")


def scrubbed(findings: Iterable[Finding], secrets: Iterable[str]) -> list[Finding]:
    """Take out what is in one of `secrets` too, from PIECE characters on, and addresses."""
    pieces = {text[at : at + PIECE] for text in secrets for at in range(len(text) - PIECE + 1)}
    return [
        replace(
            each,
            sentence=_without(pieces, each.sentence),
            remedy=each.remedy and _without(pieces, each.remedy),
        )
        for each in findings
    ]


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
    return _EMAIL.sub(_INSTEAD, "".join(shown))
