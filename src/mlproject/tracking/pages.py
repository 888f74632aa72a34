"""Answers that come in pages, as one list."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any


def each(search: Callable[..., Any], *arguments: Any, **options: Any) -> Iterator[Any]:
    """Yield the items of a search of ``MlflowClient`` that takes ``page_token``.

    A page is asked for when the one before it has been taken.
    """
    token = None
    while True:
        page = search(*arguments, page_token=token, **options)
        yield from page
        token = page.token
        if not token:
            return


def every(search: Callable[..., Any], *arguments: Any, **options: Any) -> list[Any]:
    """Return all items of such a search."""
    return list(each(search, *arguments, **options))
