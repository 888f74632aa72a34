"""What a search tells while it fits, from whichever process of this machine fits.

Workers unpickle the class below: the module imports nothing that takes long.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Event:
    """Something that happened in a search.

    Attributes
    ----------
    kind : str
        ``begun``: the search or, at depth 2, a round of it, with so many tasks if that is known.
        ``fitted``: a candidate on a fold. ``refit``: the best one on all rows, which begins.
    number : int
        Of a fit in its round: the folds of one candidate follow one another.
    scores : float, mapping of str to float, or None
        As the scorer returned them; None where they cannot be had.
    """

    kind: Literal["begun", "fitted", "refit"]
    depth: int = 0
    tasks: int | None = None
    number: int = 0
    folds: int = 1
    scores: Any = None


@dataclass(frozen=True)
class FitEvents:
    """A callback of scikit-learn's that sends events to the process that listens."""

    listener: Any

    def setup(self, estimator: Any, context: Any) -> None:
        """Nothing: the listener is there already."""

    def teardown(self, estimator: Any, context: Any) -> None:
        """Nothing: the listener is closed by who opened it."""

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        depth = _depth(context)
        if context.max_subtasks != 0:
            self._send(Event("begun", depth, context.max_subtasks))
        elif depth == 1:
            self._send(Event("refit"))

    def on_fit_task_end(self, estimator: Any, context: Any) -> None:
        if context.max_subtasks == 0 and _depth(context) > 1:
            folds = getattr(estimator, "n_splits_", 1)
            event = Event("fitted", number=context.task_id, folds=folds, scores=_scores())
            self._send(event)

    def _send(self, event: Event) -> None:
        from sklearn.callback._transport import send

        with suppress(OSError, EOFError):  # nobody listens any more; the fit goes on
            send(self.listener, event)


@contextmanager
def heard(search: Any, take: Callable[[Event], None]) -> Iterator[bool]:
    """Have a search tell of its fits inside the block, and yield whether it does.

    It needs scikit-learn 1.9, workers on this machine, and a search without callbacks of the
    user's own. ``take`` is called in several threads.
    """
    try:
        from sklearn.callback._transport import close_listener, open_listener
    except ImportError:  # before 1.9
        yield False
        return
    free = hasattr(search, "set_callbacks") and not getattr(search, "_skl_callbacks", None)
    if not free or not _fits_here():
        yield False
        return
    listener = open_listener(take)
    search.set_callbacks(FitEvents(listener))
    try:
        yield True
    finally:
        search.set_callbacks()
        close_listener(listener)


def _fits_here() -> bool:
    """Whether joblib runs fits on this machine, and on no cluster, which may lack this module."""
    from joblib.parallel import BACKENDS, get_active_backend

    here = ("sequential", "threading", "multiprocessing", "loky")
    backend, _ = get_active_backend()
    return isinstance(backend, tuple(BACKENDS[name] for name in here if name in BACKENDS))


def _depth(context: Any) -> int:
    return 0 if context.parent is None else 1 + _depth(context.parent)


def _scores() -> Any:
    """Return what the fit has scored on its fold.

    Scikit-learn calls back when a fit has been scored, and does not pass the scores on. They are
    read from the function that calls; where it is called otherwise one day, there are none.
    """
    frame = inspect.currentframe()
    while frame is not None and frame.f_code.co_name != "_fit_and_score":
        frame = frame.f_back
    return None if frame is None else frame.f_locals.get("test_scores")
