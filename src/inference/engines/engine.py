"""What an engine is: a place where calls run, and nothing that knows what they do."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from mlproject.base.errors import MlprojectError

Item = TypeVar("Item")
Made = TypeVar("Made")
_ATTEMPTS = 3
_SECONDS_BETWEEN = 1.0


@dataclass(frozen=True)
class Outcome:
    """What became of one item: a value, or an error."""

    number: int
    value: Any = None
    error: Exception | None = None


class Engine(ABC):
    """Runs calls, here or on a cluster.

    Attributes
    ----------
    at_a_time : int
        How many calls it runs at a time, as far as is known.
    is_remote : bool
        Whether calls run in other processes, which may be on other machines.
    """

    at_a_time: int
    is_remote = True

    @abstractmethod
    def outcomes(
        self, task: Callable[[Any], Any], items: Sequence[Any]
    ) -> Generator[Outcome, None, None]:
        """Call ``task`` for each item and yield what becomes of it, in any order.

        The task and the items can be pickled. A call may be made twice, also at the same time:
        what it leaves behind must be the same then.
        """

    def settle(self) -> None:  # noqa: B027 - nothing to wait for, elsewhere
        """Wait for calls whose outcomes nobody takes any more, where they run in this process."""

    def everywhere(self, task: Callable[[Any], Made]) -> list[Made]:
        """Return what a task makes of None on each worker."""
        return []

    def results(self, task: Callable[[Item], Made], items: Sequence[Item]) -> list[Made]:
        """Return what a task makes of each item, in order; raise the error of the first."""
        made: list[Outcome] = sorted(self.outcomes(task, items), key=lambda item: item.number)
        for outcome in made:
            if outcome.error is not None:
                raise outcome.error
        return [outcome.value for outcome in made]


def attempted(task: Callable[[Any], Any], number: int, item: Any) -> Outcome:
    """Call a task; what a network or a disk refuses is tried again."""
    last: Exception | None = None
    for attempt in range(_ATTEMPTS):
        try:
            return Outcome(number, task(item))
        except (OSError, MlprojectError) as error:
            last = error
            cause = error if isinstance(error, OSError) else error.__cause__
            if not isinstance(cause, (ConnectionError, TimeoutError)):
                break
        except Exception as error:  # noqa: BLE001 - it is told where the call was asked for
            last = error
            break
        time.sleep(_SECONDS_BETWEEN * attempt)
    return Outcome(number, error=last)
