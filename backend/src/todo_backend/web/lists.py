"""Lists of any length: whole while they are short, otherwise in parts as they are read."""

from collections.abc import AsyncIterator, Callable

from todo_backend.model.task import RenderedChunk, RenderedList
from todo_backend.web.answer import JSON, Answer, Header, Reply, Streamed


async def list_reply(
    found: RenderedList,
    *,
    opening: bytes,
    closing: Callable[[int], bytes],
    headers: tuple[Header, ...],
) -> Reply:
    """Put the tasks between `opening` and `closing`, which is told how many of them were written.

    `headers` are those of a 200, the content type among them; 304 where the caller has the list
    already. If the database fails in the middle of a long list, the answer ends there.
    """
    if found.chunks is None:
        return Answer(304, headers=tuple(header for header in headers if header != JSON))
    first = await anext(found.chunks)
    start = opening + first.items.encode()
    if first.is_last:
        return Answer(200, start + closing(first.count), headers)
    return Streamed(200, _parts(start, first.count, found.chunks, closing), headers)


async def _parts(
    start: bytes,
    written: int,
    chunks: AsyncIterator[RenderedChunk],
    closing: Callable[[int], bytes],
) -> AsyncIterator[bytes]:
    # While the client or the next chunk is waited for, nothing is kept of what was sent.
    part = [start]
    del start
    yield part.pop()
    async for chunk in chunks:
        if chunk.count:
            part = [(b"," if written else b"") + chunk.items.encode()]
            written += chunk.count
            del chunk
            yield part.pop()
    yield closing(written)
