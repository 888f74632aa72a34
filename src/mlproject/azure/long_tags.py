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

from mlproject.azure import bookkeeping

T = TypeVar("T")
# The value of a tag that was deleted where the service cannot.
DELETED = f"{bookkeeping.PREFIX}deleted"
_LONG = f"{bookkeeping.PREFIX}long."
_POINTER = re.compile(r"\.\.\. \[azureml3:([0-9a-f]{8})\]\Z")


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
    name = uuid.uuid4().hex[:8]
    pointer = f"... [azureml3:{name}]"
    pieces = bookkeeping.written(f"{_LONG}{name}", {"value": value})
    shown = value[: bookkeeping.LONGEST_VALUE - len(pointer)] + pointer
    return [*(make(key, piece) for key, piece in pieces.items()), make(tag.key, shown)]


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
    pointer = _POINTER.search(value)
    content = bookkeeping.read(f"{_LONG}{pointer[1]}", tags) if pointer else None
    return str(content["value"]) if content and "value" in content else value


def _pieces(key: str, tags: Mapping[str, str]) -> list[str]:
    pointer = _POINTER.search(tags.get(key, ""))
    return [name for name in tags if pointer and name.startswith(f"{_LONG}{pointer[1]}.")]
