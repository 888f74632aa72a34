"""Work that overlaps: iterators that run ahead, in order, and stop when nobody reads on."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Made = TypeVar("Made")
_END = object()


def in_background(work: Callable[[], Made]) -> Future[Made]:
    """Run something in a thread that does not outlive the process, as those of a pool do."""
    future: Future[Made] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001 - raised where the result is asked for
            future.set_exception(error)

    threading.Thread(target=run, name="background", daemon=True).start()
    return future


def ordered(
    submit: Callable[[Item], Future[Made]], items: Iterable[Item], ahead: int
) -> Generator[tuple[Item, Made], None, None]:
    """Yield each item with what became of it, in order, while up to ``ahead`` are under way.

    When the items fail, an earlier one that is still under way and fails too goes first: what is
    raised does not depend on which thread was faster.
    """
    waiting: deque[tuple[Item, Future[Made]]] = deque()
    try:
        for item in items:
            waiting.append((item, submit(item)))
            if len(waiting) >= ahead:
                first, future = waiting.popleft()
                yield first, future.result()
        while waiting:
            first, future = waiting.popleft()
            yield first, future.result()
    except Exception:
        for _, future in waiting:
            future.result()
        raise
    finally:
        for _, future in waiting:
            future.cancel()


def prefetched(items: Iterator[Item], depth: int) -> Iterator[Item]:
    """Yield from an iterator that a thread of its own runs ahead by up to ``depth`` items."""
    with ThreadPoolExecutor(1, thread_name_prefix="prefetch") as reader:
        waiting = deque(reader.submit(next, items, _END) for _ in range(depth))
        try:
            while (item := waiting.popleft().result()) is not _END:
                waiting.append(reader.submit(next, items, _END))
                yield item  # type: ignore[misc]
        finally:
            for future in waiting:
                future.cancel()
