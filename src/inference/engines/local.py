"""Calls in threads of this process."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from queue import Empty, SimpleQueue
from typing import Any

from inference.engines.engine import Engine, Outcome, attempted

# A signal that comes just before a wait is seen when the wait is over.
_SECONDS_BETWEEN_SIGNALS = 0.2


class LocalEngine(Engine):
    """Threads: what scoring consists of leaves Python's lock to others."""

    is_remote = False

    def __init__(self, jobs: int | None) -> None:
        cores = os.cpu_count() or 1
        self.at_a_time = cores if jobs in (None, -1) else int(jobs or 1)

        self._pools: list[ThreadPoolExecutor] = []

    def outcomes(
        self, task: Callable[[Any], Any], items: Sequence[Any]
    ) -> Generator[Outcome, None, None]:
        pool = ThreadPoolExecutor(self.at_a_time, thread_name_prefix="score")
        self._pools.append(pool)
        # Of all that Python has to wait with, this alone can be broken off by Ctrl-C twice.
        done: SimpleQueue[Future[Outcome]] = SimpleQueue()
        left = enumerate(items)
        under_way = 0
        try:
            while True:
                while under_way < self.at_a_time and (entry := next(left, None)) is not None:
                    pool.submit(attempted, task, *entry).add_done_callback(done.put)
                    under_way += 1
                if not under_way:
                    return
                try:
                    future = done.get(timeout=_SECONDS_BETWEEN_SIGNALS)
                except Empty:
                    continue
                under_way -= 1
                yield future.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def settle(self) -> None:
        while self._pools:
            self._pools.pop().shutdown()
