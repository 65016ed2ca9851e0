"""What one check of a deployment has found."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad it is: a problem keeps the server from working, or the data from being safe."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found. `remedy` is what to do about it; None where there is nothing to do."""

    level: Level
    sentence: str
    remedy: str | None = None

    @property
    def line(self) -> str:
        """The finding as a terminal shows it, on one line whatever names it holds."""
        text = f"{self.level:<8} {self.sentence}"
        if self.remedy:
            text = f"{text}. To mend it: {self.remedy}"
        return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
