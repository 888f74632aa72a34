"""Calls in threads of this process."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any

from inference.engines.engine import Engine, Outcome, attempted


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
        waiting: set[Future[Outcome]] = set()
        left = enumerate(items)
        try:
            while True:
                while len(waiting) < self.at_a_time and (entry := next(left, None)) is not None:
                    waiting.add(pool.submit(attempted, task, *entry))
                if not waiting:
                    return
                done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                for future in done:
                    yield future.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def settle(self) -> None:
        while self._pools:
            self._pools.pop().shutdown()
