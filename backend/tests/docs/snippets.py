"""The page docs/better-auth.md as a program reads it: files, settings and commands."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PAGE: Final = Path(__file__).parents[3] / "docs" / "better-auth.md"
README: Final = PAGE.parents[1] / "README.md"

_FENCE: Final = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_HEADING: Final = re.compile(r"^#+ +(.+)$", re.MULTILINE)
_NAME: Final = re.compile(r"(?://|#) ([\w./\[\]-]+)\n")
_SETTING: Final = re.compile(r"([A-Z_]+)=(.*)")
_CODE: Final = ("ts", "tsx")


@dataclass(frozen=True, slots=True)
class Snippet:
    """A block of the page. `file` is what its first line names; '' where it names none."""

    where: str
    heading: str
    language: str
    text: str
    file: str

    @property
    def settings(self) -> dict[str, str]:
        """Read variables out of settings, or out of a command that starts with them."""
        if self.language == "sh":
            return dict(re.findall(r"([A-Z_]+)=(\S+) ", self.text))
        lines = [line for line in self.text.splitlines() if line and not line.startswith("#")]
        found = [_SETTING.fullmatch(line) for line in lines]
        assert all(found), f"{self.where}: {lines}"
        return {match[1]: match[2] for match in found if match}


def snippets(page: Path = PAGE) -> list[Snippet]:
    """Give the blocks of a page in order."""
    text = page.read_text(encoding="utf-8")
    found = []
    for match in _FENCE.finditer(text):
        headings = _HEADING.findall(_FENCE.sub("", text[: match.start()]))
        name = _NAME.match(match[2])
        where = f"{page.name}:{text.count(chr(10), 0, match.start()) + 1}"
        file = name[1] if name else ""
        found.append(Snippet(where, headings[-1], match[1], match[2], file))
    return found


def under(heading: str, language: str = "dotenv") -> Snippet:
    """Give the only block of a language under a heading."""
    [found] = [each for each in snippets() if (each.heading, each.language) == (heading, language)]
    return found


def section(heading: str) -> str:
    """Give the text under a heading, up to the next one."""
    _, _, rest = PAGE.read_text(encoding="utf-8").partition(f"# {heading}\n")
    assert rest, heading
    return re.split(r"^#+ ", rest, maxsplit=1, flags=re.MULTILINE)[0]


def cells(heading: str) -> list[list[str]]:
    """Give the rows of the only table under a heading, without its head."""
    rows = [line.strip("| ") for line in section(heading).splitlines() if line.startswith("|")]
    return [re.split(r" \| ", row) for row in rows[2:]]


def module_of_options() -> str:
    """Make a module of the options that the page names within a sentence."""
    text = PAGE.read_text(encoding="utf-8")
    calls = re.findall(r"`(jwt\(.+?\))`", text)
    members = re.findall(r"`((?:advanced|session): \{.+?\})`", text)
    assert len(calls) > 1, calls
    assert len(members) > 1, members
    lines = [
        'import { betterAuth } from "better-auth";',
        'import { jwt } from "better-auth/plugins";',
        *(f"betterAuth({{ plugins: [{call}] }});" for call in calls),
        *(f"betterAuth({{ {member} }});" for member in members),
    ]
    return "\n".join(lines)


def write_files(folder: Path) -> list[str]:
    """Make the files that the page and the README show; return their names."""
    blocks = [*snippets(), *snippets(README)]
    shown = [each for each in blocks if each.language in _CODE]
    assert [each.where for each in shown if not each.file] == []
    for each in shown:
        path = folder / each.file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(each.text, encoding="utf-8")
    return [each.file for each in shown]
