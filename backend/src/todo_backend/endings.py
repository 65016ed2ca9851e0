"""The signals that ask a server to end: noted at any time, acted on when it is safe."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final, NoReturn

ENDINGS: Final = tuple(
    signal.Signals[name]
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
    if name in signal.Signals.__members__
)
"""Ctrl-C, the service manager, the terminal that closes; SIGBREAK is Windows's own."""


class Endings:
    """Whether this process has been asked to end, and who wants to be told when it is.

    Raising from a handler would cut anything short, a start of the database half done for one: what
    is started then would be stopped by nobody. So a signal is noted, and whoever can end early
    says how in `told`.
    """

    def __init__(self) -> None:
        self.signal: signal.Signals | None = None
        self._tell: Callable[[signal.Signals], object] | None = None

    @property
    def is_asked(self) -> bool:
        return self.signal is not None

    @contextmanager
    def told(self, tell: Callable[[signal.Signals], object]) -> Iterator[None]:
        """Call `tell` with each signal that arrives meanwhile."""
        outer, self._tell = self._tell, tell
        try:
            yield
        finally:
            self._tell = outer

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self.signal = signal.Signals(number)
        if self._tell is not None:
            self._tell(self.signal)

    def listen(self) -> None:
        """Take the signals over, for good or from whoever has taken them meanwhile."""
        for ending in ENDINGS:
            signal.signal(ending, self._note)


def leave(number: int, _frame: FrameType | None = None) -> NoReturn:
    """End this process as a signal does, but in order: a handler, or what an `Endings` tells."""
    raise SystemExit(128 + number)


@contextmanager
def endings() -> Iterator[Endings]:
    """Note the signals from here on; afterwards they do what they did before."""
    before = {ending: signal.getsignal(ending) for ending in ENDINGS}
    found = Endings()
    found.listen()
    try:
        yield found
    finally:
        for ending, handler in before.items():
            signal.signal(ending, handler)
