"""Tags of experiments, registered models and versions that the service would not take as they are.

A value that is too long stands in pieces, in tags of ours; the tag itself has its beginning, which
the Studio shows, and names the pieces. It is written last, and each value has pieces of its own, so
that whoever reads has the old value or the new one. A tag that cannot be deleted gets a value that
says so.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from mlproject.azure.stores import bookkeeping

T = TypeVar("T")
# The value of a tag that was deleted where the service cannot.
DELETED = f"{bookkeeping.PREFIX}deleted"
_LONG = f"{bookkeeping.PREFIX}long."
# At the end of a tag whose value is in pieces: which, and how many.
_POINTER = re.compile(r"\.\.\. \[azureml3:([0-9a-f]{8})/(\d{1,4})\]\Z")


def written(tags: Iterable[T]) -> list[T]:
    """Return tags as the service takes them; the pieces of a value stand before its tag."""
    result: list[T] = []
    for tag in tags:
        result += _written(tag)
    return result


def _written(tag: Any) -> list[Any]:
    value, make = str(tag.value), type(tag)
    if len(value) <= bookkeeping.LONGEST_VALUE:
        return [tag]
    name, length = uuid.uuid4().hex[:8], bookkeeping.LONGEST_VALUE
    pieces = [value[at : at + length] for at in range(0, len(value), length)]
    pointer = f"... [azureml3:{name}/{len(pieces)}]"
    kept = zip(_names(name, len(pieces)), pieces, strict=True)
    shown = value[: length - len(pointer)] + pointer
    return [*(make(key, piece) for key, piece in kept), make(tag.key, shown)]


def read(tags: Mapping[str, str]) -> dict[str, str]:
    """Return the user's tags from all there are, each value whole."""
    return {
        key: _whole(value, tags)
        for key, value in bookkeeping.shown(tags).items()
        if value != DELETED
    }


def replace(
    tag: T, tags: Mapping[str, str], write: Callable[[T], None], remove: Callable[[str], None]
) -> None:
    """Write a tag among others, and remove the pieces of the value that it had."""
    for item in written([tag]):
        write(item)
    for name in _pieces(getattr(tag, "key", ""), tags):
        remove(name)


def delete(key: str, tags: Mapping[str, str], remove: Callable[[str], None]) -> None:
    """Delete a tag, then its pieces: an error is the one on the user's own tag."""
    for name in (key, *_pieces(key, tags)):
        remove(name)


def _whole(value: str, tags: Mapping[str, str]) -> str:
    """Return a tag's whole value; the beginning of one that has lost a piece."""
    names = _pieces_of(value)
    return "".join(tags[name] for name in names) if names and tags.keys() >= set(names) else value


def _pieces(key: str, tags: Mapping[str, str]) -> list[str]:
    return [name for name in _pieces_of(tags.get(key, "")) if name in tags]


def _pieces_of(value: str) -> list[str]:
    pointer = _POINTER.search(value)
    return _names(pointer[1], int(pointer[2])) if pointer else []


def _names(name: str, count: int) -> list[str]:
    return [f"{_LONG}{name}.{number}" for number in range(count)]
