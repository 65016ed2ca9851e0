"""An error without its words: fit for a log that must not repeat what a client sent."""

from collections.abc import Iterator
from itertools import islice
from traceback import walk_tb
from typing import Final

_LINKS_MAX: Final = 8
_FRAMES_MAX: Final = 20


def stack_of(error: BaseException) -> dict[str, str | list[str]]:
    """Return the type of an error and the places it came through, causes included.

    Not its text: a database driver's repeats the parameter that it could not take. `error` names
    the outermost type first; `stack` ends with the place where the outermost was raised, and holds
    the innermost 20 frames of each.
    """
    chain = list(islice(_causes(error), _LINKS_MAX))
    return {
        "error": " <- ".join(type(link).__qualname__ for link in chain),
        "stack": [place for link in reversed(chain) for place in _places(link)[-_FRAMES_MAX:]],
    }


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        link = waiting.pop()
        if id(link) in seen:
            continue
        seen.add(id(link))
        yield link
        if isinstance(link, BaseExceptionGroup):
            waiting.extend(reversed(link.exceptions))
        cause = link.__cause__ or link.__context__
        if cause is not None:
            waiting.append(cause)


def _places(error: BaseException) -> list[str]:
    # Not traceback.extract_tb, which reads the source files.
    return [
        f"{frame.f_code.co_filename}:{line} {frame.f_code.co_qualname}"
        for frame, line in walk_tb(error.__traceback__)
    ]
