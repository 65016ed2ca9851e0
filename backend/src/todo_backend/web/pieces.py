"""How much of what a client sends is looked at before it is measured.

A piece brings the end of one request or of its head, and no more. A parser calls back for each
header and each chunk, and there may be one in six octets: a small piece is soon done.
"""

from typing import Final

BYTES: Final = 2 * 1024
UNREAD_BYTES: Final = 16 * 1024
"""Of what nobody will look at."""
_BLANK_LINE: Final = b"\r\n\r\n"


def end_of_blank_line(data: bytes, at: int, end: int, *, tail: bytes) -> int:
    """Return where the first blank line of `data[at:end]` ends; `end` if there is none.

    It may have begun in `tail`, the octets just before.
    """
    if tail:
        found = (tail + data[at : at + len(_BLANK_LINE)]).find(_BLANK_LINE)
        if found >= 0:
            return at + found - len(tail) + len(_BLANK_LINE)
    found = data.find(_BLANK_LINE, at, end)
    return found + len(_BLANK_LINE) if found >= 0 else end
