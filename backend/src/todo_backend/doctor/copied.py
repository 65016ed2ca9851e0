"""The fields in a request or an answer that somebody has copied: header lines, code, a command."""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

QUOTES: Final = "\"'`"
_NAMES: Final = "authorization|cookie|set-cookie|set-auth-token|set-auth-jwt"
# A name in quotes of its own stands in code, where PowerShell writes = for the colon.
_LABEL: Final = re.compile(
    rf"(?<![\w-])({_NAMES})(?:([{QUOTES}])[ \t]*[:=]|[ \t]*:)[ \t]*", re.IGNORECASE
)
# As developer tools copy it: a line with the name, and one with the value.
_ALONE: Final = re.compile(
    rf"^[ \t]*({_NAMES})[ \t\r]*\n(?=[ \t]*(\S.*)$)", re.IGNORECASE | re.MULTILINE
)
_OPTION: Final = re.compile(
    rf"(?<!\S)(-b|--cookie|--oauth2-bearer)(?:[ \t]+|=|(?=[{QUOTES}$^]))\$?\^?(?=(\S))"
)
_OPTIONS: Final = {"--oauth2-bearer": "authorization"}
_ANY_LINE: Final = re.compile(r":?[A-Za-z][\w-]*:")
_A_NAME: Final = re.compile(r":?[a-z][a-z-]*")
_BEARER: Final = re.compile(r"(?<!\w)bearer[ \t]+([\w.~+/=%-]{20,})", re.IGNORECASE)
_START: Final = re.compile(
    r"[A-Z]+ \S+ HTTP/[\d.]|HTTP/[\d.]+ \d|(?:await )?fetch\(|curl(?:\.exe)? |:[a-z]+:?\s"
    r"|Invoke-(?:WebRequest|RestMethod) |(?:[A-Za-z][\w-]*:[ \t]+\S.*\n){2}"
)


class Field(NamedTuple):
    """One field; its name is in lower case."""

    name: str
    value: str


def fields(text: str) -> list[Field]:
    """Find the fields that may hold a credential, in their order."""
    found = [*_labelled(text), *_options(text)]
    return found or _alone(text)


def _alone(text: str) -> list[Field]:
    found = [Field(name.lower(), value.strip()) for name, value in _ALONE.findall(text)]
    # The value of `vary`, or of a preflight's fields, is a name too: then another one follows it.
    return [each for each in found if not _A_NAME.fullmatch(each.value)] or found


def bearer_in(text: str) -> str:
    """Find a token behind the word Bearer, wherever it stands; empty where there is none."""
    found = _BEARER.search(text)
    return found[1] if found else ""


def is_request(text: str) -> bool:
    """Whether this is a request or an answer, rather than something that one carries."""
    return _START.match(text) is not None


def _labelled(text: str) -> Iterator[Field]:
    at = 0
    while found := _LABEL.search(text, at):
        name, own_quote = found[1].lower(), found[2]
        before = text[max(found.start() - 1, 0) : found.start()]
        begin, quote = found.end(), before
        if own_quote or before not in QUOTES or not before:
            quote = text[begin : begin + 1]
            begin += 1
        end = _end_of_quoted(text, begin, quote)
        if end is None:
            value, at = _over_lines(text, found.end(), is_cookie=name.endswith("cookie"))
        else:
            is_of_cmd = text[max(found.start() - 2, 0) : found.start()] == '^"'
            value, at = text[begin:end].replace("^" if is_of_cmd else "\\", ""), end
        yield Field(name, value.strip())


def _options(text: str) -> Iterator[Field]:
    for found in _OPTION.finditer(text):
        begin, first = found.end(), found[2]
        end = _end_of_quoted(text, begin + 1, first)
        value = text[begin:].split(maxsplit=1)[0] if end is None else text[begin + 1 : end]
        name = _OPTIONS.get(found[1], "cookie")
        if name == "authorization":
            yield Field(name, f"Bearer {value}")
        elif "=" in value:  # otherwise it is the name of a file
            yield Field(name, value.replace("^", ""))


def _end_of_quoted(text: str, begin: int, quote: str) -> int | None:
    """Return where a quoted text ends; None where it isn't one."""
    if not quote or quote not in QUOTES:
        return None
    found = re.compile(rf"(?<!\\){quote}").search(text, begin)
    return found.start() if found else None


def _over_lines(text: str, begin: int, *, is_cookie: bool) -> tuple[str, int]:
    """Read a value without quotes to the end of its line, or on where a terminal has broken it."""
    first, *more = text[begin:].split("\n")
    kept, at = [first], begin + len(first)
    for line in more:
        bare = line.strip()
        # An empty first line: the name is on a line of its own, and any value may follow.
        has_begun = bool("".join(kept).strip())
        if not bare or _ANY_LINE.match(bare) or (has_begun and not is_cookie and " " in bare):
            break
        kept.append(bare)
        at += 1 + len(line)
    return "\n".join(kept).strip().rstrip(",; \t"), at
