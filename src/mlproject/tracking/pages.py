"""Answers that come in pages, as one list."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def every(search: Callable[..., Any], *arguments: Any, **options: Any) -> list[Any]:
    """Return all items of a search of ``MlflowClient`` that takes ``page_token``."""
    found: list[Any] = []
    token = None
    while True:
        page = search(*arguments, page_token=token, **options)
        found += page
        token = page.token
        if not token:
            return found
