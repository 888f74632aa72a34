"""Requests that have come together are asked together.

While the model is asked, requests arrive; what has arrived when it is done is asked next, at once.
So nobody waits for company, and a crowd takes hardly longer than one. It happens in the thread of
the event loop: to hand a row to another one and back takes as long as many a model.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from mlproject.base.errors import DataError, ModelError
from mlproject.serving.answering import Answer, Answerer, Scored
from mlproject.serving.bodies import JsonRows

Worded = Callable[[Scored], Answer]
"""Puts predictions into the words of a format."""
# Of all requests together; more are asked in turn.
_MOST_ROWS = 1024


@dataclass(frozen=True)
class _Waiting:
    rows: JsonRows
    answerer: Answerer
    worded: Worded
    answer: asyncio.Future[Answer]


class Together:
    """Asks models on behalf of the event loop, all that waits at once."""

    def __init__(self) -> None:
        self._waiting: list[_Waiting] = []

    async def answer(self, rows: JsonRows, answerer: Answerer, worded: Worded) -> Answer:
        loop = asyncio.get_running_loop()
        if not self._waiting:
            # Behind the requests whose bytes have been read by now.
            loop.call_soon(loop.call_soon, self._ask)
        mine = _Waiting(rows, answerer, worded, loop.create_future())
        self._waiting.append(mine)
        return await mine.answer

    def _ask(self) -> None:
        waiting, self._waiting = self._waiting, []
        while waiting:
            group, waiting = _first_group(waiting)
            for item, answer in zip(group, _answers(group), strict=True):
                if not item.answer.done():  # who asked may have gone
                    item.answer.set_result(answer)


def _first_group(waiting: list[_Waiting]) -> tuple[list[_Waiting], list[_Waiting]]:
    """Return what can be asked together with the first, and the others."""
    first, *others = waiting
    if not first.answerer.can_be_joined:
        return [first], others
    group, count = [first], len(first.rows.rows)
    left: list[_Waiting] = []
    for item in others:
        is_alike = item.answerer is first.answerer and item.rows.columns == first.rows.columns
        count += len(item.rows.rows)
        (group if is_alike and count <= _MOST_ROWS else left).append(item)
    return group, left


def _answers(group: list[_Waiting]) -> list[Answer]:
    try:
        scored = group[0].answerer.together([item.rows for item in group])
    except (DataError, ModelError) as error:
        status = 400 if isinstance(error, DataError) else 500
        return [Answer.error(status, str(error))] * len(group)
    except Exception as error:  # noqa: BLE001 - each of them is to hear of it
        return [Answer.error(500, f"{type(error).__name__}: {error}")] * len(group)
    return [_worded(item, own) for item, own in zip(group, scored, strict=True)]


def _worded(item: _Waiting, scored: Scored) -> Answer:
    try:
        return item.worded(scored)
    except Exception as error:  # noqa: BLE001 - the others of the group are to be answered
        return Answer.error(500, f"{type(error).__name__}: {error}")
