"""Calls as tasks of a Spark cluster."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Sequence
from textwrap import shorten
from typing import Any

from inference.engines.engine import Engine, Outcome
from inference.engines.shipping import Cargo, caller, packed, unpacked
from mlproject.base.errors import ConfigurationError, one_line, reason


class SparkEngine(Engine):
    """The executors of a Spark context; Spark repeats the tasks of those that are lost."""

    def __init__(self, context: Any) -> None:
        self._context = context
        self.at_a_time = max(1, context.defaultParallelism)

    def outcomes(
        self, task: Callable[[Any], Any], items: Sequence[Any]
    ) -> Generator[Outcome, None, None]:
        if not items:
            return
        cargo = self._context.broadcast(Cargo.of(task).content)
        call = caller()
        try:
            calls = [packed(number, item) for number, item in enumerate(items)]
            rows = self._context.parallelize(calls, len(calls))
            answers = rows.map(lambda item: call(cargo.value, item)).collect()
        except Exception as error:  # Spark's own, and Java's
            failed = ConfigurationError(
                f"The Spark cluster cannot make the call: {_last_words(error)}",
                "Its workers need Python, memory and the packages that are here",
            )
            failed.__cause__ = error
            if (lost := re.search(r"\bTask (\d+) in stage", str(error))) is None:
                raise failed from error
            yield Outcome(int(lost[1]), error=failed)  # a call is a task of its own
            return
        finally:
            cargo.unpersist()
        for answer in answers:
            yield unpacked(answer)

    def everywhere(self, task: Callable[[Any], Any]) -> list[Any]:
        return self.results(task, [None] * self.at_a_time)


def _last_words(error: Exception) -> str:
    """Return the error at the root of Spark's, whose text is the traces of two machines."""
    text = str(error)
    named = re.findall(r"^\s*(?:\w+\.)*(\w*(?:Error|Exception): .+)$", text, re.MULTILINE)
    # A worker that was killed leaves no trace of Python, only what Spark says of its task.
    named += re.findall(r"\(TID \d+\) \([^)]*\): (?:\w+\.)*(.+)$", text, re.MULTILINE)
    return shorten(one_line(named[0]) if named else reason(error), 300)
