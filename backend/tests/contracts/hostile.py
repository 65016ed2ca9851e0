"""Builds requests from the recipes of tests/data/http_hostile.json, octet by octet.

A row holds `method`, `path`, `headers` and `body`, and in `expect` the statuses that are right.
In texts `{B}` is the caller's collection, `{T}` a task of theirs, `{TU}` its id with an underscore,
`{O}` somebody else's task, `{ETAG}` the tag of {T}, `/complete` what ends the path of completion;
`alice` is the caller and `bob` somebody else;
`{ab*3}` is ababab. A body is `json`, `raw`, or `gen`: a name and a size, for what is too large to
write down. `many_headers` asks for so many headers more.
"""

import gzip
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.contracts import wire

Row = Mapping[str, Any]
CHUNK_BYTES: Final = 64 * 1024

_REPEATED: Final = re.compile(r"\{([^{}]+)\*(\d+)\}")
_BODIES: Final[Mapping[str, Callable[[int], bytes]]] = {
    "big": lambda size: json.dumps({"title": "b", "description": "x" * size}).encode(),
    "deep": lambda size: b'{"title":"d","x":' + b"[" * size + b"]" * size + b"}",
    "keys": lambda size: json.dumps({"title": "k"} | {f"k{n}": n for n in range(size)}).encode(),
    "gzip": lambda size: gzip.compress(bytes(size)),
    "utf16": lambda _: '{"title":"u"}'.encode("utf-16"),
    "chunked": lambda size: (
        wire.chunked(*[b" " * CHUNK_BYTES] * size)
        if size > 1
        else wire.chunked(b'{"title":', b'"chunked"}')
    ),
}


@dataclass(frozen=True, slots=True)
class Scene:
    """What the placeholders stand for."""

    collection: str
    completion: str
    alice: str
    bob: str
    task_id: str
    other_id: str
    tag: str

    def filled(self, text: str) -> str:
        values = {
            "/complete": f"/{self.completion}",
            "{B}": self.collection,
            "{TU}": f"{self.task_id[0]}_{self.task_id[1:] or '0'}",
            "{T}": self.task_id,
            "{O}": self.other_id,
            "{ETAG}": self.tag,
        }
        for people, user_id in (("alice", self.alice), ("bob", self.bob)):
            text = text.replace(people, user_id)
        for placeholder, value in values.items():
            text = text.replace(placeholder, value)
        return written_out(text)


def rows() -> list[Row]:
    path = Path(__file__).parents[1] / "data" / "http_hostile.json"
    loaded: list[Row] = json.loads(path.read_text(encoding="utf-8"))
    return loaded


def written_out(text: str) -> str:
    return _REPEATED.sub(lambda found: found[1] * int(found[2]), text)


def expanded(value: Any) -> Any:
    """Write out the repetitions in all texts of a value."""
    if isinstance(value, str):
        return written_out(value)
    if isinstance(value, Mapping):
        return {name: expanded(member) for name, member in value.items()}
    return [expanded(item) for item in value] if isinstance(value, list) else value


def content(row: Row) -> bytes | None:
    """Make the body of a row; None where it sends none."""
    body = row.get("body")
    if body is None:
        return None
    if "gen" in body:
        name, size = body["gen"]
        return _BODIES[name](size)
    if "raw" in body:
        raw: bytes = body["raw"].encode()
        return raw
    return json.dumps(expanded(body["json"])).encode()


def request(row: Row, scene: Scene, *, authorization: wire.Field) -> bytes:
    """Spell the request of a row, with the caller's token and, by default, a body of JSON."""
    body = content(row)
    named = row.get("headers", {})
    headers: list[wire.Field] = [authorization]
    headers += [(name, scene.filled(value)) for name, value in named.items()]
    headers += [(f"x-h{number}", "v") for number in range(row.get("many_headers", 0))]
    if body is not None and "content-type" not in named:
        headers.append(("content-type", "application/json"))
    return wire.request(row["method"], scene.filled(row["path"]), headers, body)
