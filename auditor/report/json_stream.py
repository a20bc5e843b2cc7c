"""JSON of several lines in which the items of one long list are written one by one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator


def streamed(whole: str, key: str, items: Iterable[str], *, indent: int, depth: int) -> Iterator[str]:
    """Yield `whole` with items in the empty list of a key; both are JSON of several lines.

    The key is that number of objects and lists deep, each indented by that number of spaces. A line end is never inside
    a text in JSON, so that the key is found where its depth says.

    Raises:
        ValueError: there is no such key with an empty list, or there are several.
    """
    line = "\n" + " " * (indent * depth)
    head, tail = whole.split(f'{line}"{key}": []')
    del whole  # the head and the tail are a copy of it
    yield head
    yield f'{line}"{key}": ['
    inner = line + " " * indent
    before = inner
    for item in items:
        yield before + item.replace("\n", inner)
        before = "," + inner
    yield ("" if before is inner else line) + "]" + tail
