"""What this process has written or read of a run's artifacts, which need not be listed yet."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from typing import Generic, TypeVar

T = TypeVar("T")
_MOST_REMEMBERED = 500


class Memory(Generic[T]):
    """Content by its path, of those owners of artifacts that were used last."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, str], dict[str, T]] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, owner: tuple[str, str]) -> dict[str, T]:
        with self._lock:
            return dict(self._known.get(owner, ()))

    def add(self, owner: tuple[str, str], content: Mapping[str, T]) -> None:
        with self._lock:
            self._known.setdefault(owner, {}).update(content)
            self._known.move_to_end(owner)
            if len(self._known) > _MOST_REMEMBERED:
                self._known.popitem(last=False)
