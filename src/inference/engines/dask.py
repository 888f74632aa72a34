"""Calls on a Dask cluster."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Sequence
from importlib import import_module
from typing import Any

from inference.engines.engine import Engine, Outcome
from inference.engines.shipping import Cargo, Content, caller, giver, packed, unpacked
from mlproject.base.errors import ConfigurationError, reason

# A worker that is killed takes its calls with it; they are made elsewhere, so many times.
_RETRIES = 3


class DaskEngine(Engine):
    """A client's workers; a task is sent to each of them once."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.at_a_time = max(1, sum(client.ncores().values()))

    def outcomes(
        self, task: Callable[[Any], Any], items: Sequence[Any]
    ) -> Generator[Outcome, None, None]:
        if not items:
            return
        distributed: Any = import_module("distributed")
        cargo, call = self._handed_out(Cargo.of(task).content), caller()

        def sent(number: int) -> Any:
            call_of_item = packed(number, items[number])
            return self._client.submit(call, cargo, call_of_item, pure=False, retries=_RETRIES)

        numbers = {sent(number): number for number in range(len(items))}
        suspects: list[int] = []
        try:
            for future in distributed.as_completed(numbers):
                if _is_killed(future):
                    suspects.append(numbers[future])
                else:
                    yield _outcome(future, numbers[future])
            # Dask suspects all calls that a killed worker had, also those which it had not begun.
            # Each is made alone: who kills it then is the one.
            failed = []
            for number in suspects:
                alone = sent(number)
                numbers[alone] = number
                outcome = _outcome(alone, number)
                if outcome.error is None:
                    yield outcome
                else:
                    failed.append(outcome)
            yield from failed
        finally:
            self._client.cancel(list(numbers))
            cargo.release()

    def _handed_out(self, content: Content) -> Any:
        """Return a future of what calls need.

        It is a call of its own, and no scattered data: those are lost, with all that wait for
        them, when the workers that have them are killed.
        """
        config: Any = import_module("dask.config")
        with config.set({"distributed.admin.large-graph-warning-threshold": sys.maxsize}):
            return self._client.submit(giver(), content, pure=False, retries=_RETRIES)

    def everywhere(self, task: Callable[[Any], Any]) -> list[Any]:
        cargo, call = Cargo.of(task).content, caller()
        workers = list(self._client.ncores())
        futures = [
            self._client.submit(
                call, cargo, packed(0, None), pure=False, workers=[one], allow_other_workers=False
            )
            for one in workers
        ]
        made = [_outcome(future, 0) for future in futures]
        for outcome in made:
            if outcome.error is not None:
                raise outcome.error
        return [outcome.value for outcome in made]


def _is_killed(future: Any) -> bool:
    """Whether a future that is done was given up because workers were killed."""
    return future.status == "error" and type(future.exception()).__name__ == "KilledWorker"


def _outcome(future: Any, number: int) -> Outcome:
    try:
        return unpacked(future.result())
    except Exception as raised:  # noqa: BLE001 - what the call itself raises is in its answer
        error = raised
    if _is_killed(future):
        what = "The Dask worker that was scoring it was killed on every attempt"
    elif type(error).__name__ == "NoWorkerError":
        what = "All workers of the Dask cluster were killed, and none came back"
    else:
        what = f"The Dask cluster cannot make the call: {reason(error)}"
    failed = ConfigurationError(
        what, "Its workers need Python and the packages that are installed here"
    )
    failed.__cause__ = error
    return Outcome(number, error=failed)
